-- A project's database as the first version of spotal writes it. Never change it.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE events (
	number INTEGER NOT NULL, 
	item INTEGER NOT NULL, 
	annotator VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	label VARCHAR, 
	at VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	external_id VARCHAR, 
	external_version VARCHAR NOT NULL, 
	undoes INTEGER, 
	CONSTRAINT pk_events PRIMARY KEY (number), 
	CONSTRAINT ck_events_label CHECK ((kind = 'label') = (label IS NOT NULL)), 
	CONSTRAINT ck_events_kind CHECK (kind IN ('label', 'skip', 'none_of_these', 'withdraw')), 
	CONSTRAINT fk_events_item FOREIGN KEY(item) REFERENCES items (number), 
	CONSTRAINT fk_events_undoes FOREIGN KEY(undoes) REFERENCES events (number), 
	CONSTRAINT uq_events_source_external_id_external_version UNIQUE (source, external_id, external_version), 
	CONSTRAINT uq_events_undoes UNIQUE (undoes)
);
INSERT INTO "events" VALUES(1,1,'ann','label','cat','2026-11-25T18:19:19.728498+00:00','page',NULL,'',NULL);
INSERT INTO "events" VALUES(2,1,'ann','label','dog','2026-11-25T18:19:19.740356+00:00','page',NULL,'',NULL);
INSERT INTO "events" VALUES(3,2,'ann','label','cat','2026-11-25T18:19:19.744097+00:00','page',NULL,'',NULL);
INSERT INTO "events" VALUES(4,2,'bob','label','bird','2026-11-25T18:19:19.749648+00:00','label-studio','7','v1',NULL);
INSERT INTO "events" VALUES(5,3,'ann','skip',NULL,'2026-11-25T18:19:19.760366+00:00','page',NULL,'',NULL);
INSERT INTO "events" VALUES(6,3,'ann','withdraw',NULL,'2026-11-25T18:19:19.771859+00:00','page',NULL,'',5);
CREATE TABLE items (
	number INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	path VARCHAR, 
	"row" INTEGER, 
	text VARCHAR, 
	content VARCHAR NOT NULL, 
	missing BOOLEAN NOT NULL, 
	held_back DOUBLE, 
	added VARCHAR NOT NULL, 
	CONSTRAINT pk_items PRIMARY KEY (number), 
	CONSTRAINT ck_items_kind CHECK (kind IN ('image', 'text', 'embedding')), 
	CONSTRAINT uq_items_id UNIQUE (id)
);
INSERT INTO "items" VALUES(0,'t0','text',NULL,0,'text 0','a3fa6afdb2066e6c6162809a',0,NULL,'2026-11-25T18:19:19.661379+00:00');
INSERT INTO "items" VALUES(1,'t1','text',NULL,1,'text 1','a74798d75153f3d9ed6d9cae',0,NULL,'2026-11-25T18:19:19.661379+00:00');
INSERT INTO "items" VALUES(2,'t2','text',NULL,2,'text 2','76d65df3a89cf42881b5627d',0,NULL,'2026-11-25T18:19:19.661379+00:00');
INSERT INTO "items" VALUES(3,'t3','text',NULL,3,'text 3','496cdeeda994875025a798e4',0,NULL,'2026-11-25T18:19:19.661379+00:00');
INSERT INTO "items" VALUES(4,'t4','text',NULL,4,'text 4','8168d113e811dd15198cf700',0,NULL,'2026-11-25T18:19:19.661379+00:00');
INSERT INTO "items" VALUES(5,'t5','text',NULL,5,'text 5','d4457b19431bd74d7835a975',0,NULL,'2026-11-25T18:19:19.661379+00:00');
INSERT INTO "items" VALUES(6,'t6','text',NULL,6,'text 6','b29812868fdc4ddd943d09c5',0,NULL,'2026-11-25T18:19:19.661379+00:00');
INSERT INTO "items" VALUES(7,'t7','text',NULL,7,'text 7','a5a2aef2eb8182a22c48b8ae',0,NULL,'2026-11-25T18:19:19.661379+00:00');
INSERT INTO "items" VALUES(8,'t8','text',NULL,8,'text 8','768583220e4495211108d5b5',0,NULL,'2026-11-25T18:19:19.661379+00:00');
INSERT INTO "items" VALUES(9,'t9','text',NULL,9,'text 9','6cf3e170d3ec8f21f9329e5d',0,NULL,'2026-11-25T18:19:19.661379+00:00');
CREATE TABLE metrics (
	model INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	value DOUBLE NOT NULL, 
	low DOUBLE, 
	high DOUBLE, 
	CONSTRAINT pk_metrics PRIMARY KEY (model, name), 
	CONSTRAINT fk_metrics_model FOREIGN KEY(model) REFERENCES models (number)
);
INSERT INTO "metrics" VALUES(0,'accuracy','2026-11-25T18:19:19.699245+00:00',0.5,0.25,0.75);
CREATE TABLE models (
	number INTEGER NOT NULL, 
	at VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	n_labeled INTEGER NOT NULL, 
	events INTEGER NOT NULL, 
	weights VARCHAR, 
	embeddings VARCHAR, 
	predictions VARCHAR, 
	about JSON NOT NULL, 
	CONSTRAINT pk_models PRIMARY KEY (number)
);
INSERT INTO "models" VALUES(0,'2026-11-25T18:19:19.698156+00:00','probe',0,0,NULL,NULL,NULL,'{}');
CREATE TABLE picks (
	item INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	rank INTEGER NOT NULL, 
	role VARCHAR NOT NULL, 
	mass DOUBLE, 
	stands_for INTEGER, 
	uncertainty DOUBLE, 
	about JSON NOT NULL, 
	CONSTRAINT pk_picks PRIMARY KEY (item), 
	CONSTRAINT ck_picks_role CHECK (role IN ('query', 'audit')), 
	CONSTRAINT fk_picks_item FOREIGN KEY(item) REFERENCES items (number), 
	CONSTRAINT fk_picks_round FOREIGN KEY(round) REFERENCES rounds (number), 
	CONSTRAINT uq_picks_round_rank UNIQUE (round, rank)
);
INSERT INTO "picks" VALUES(1,0,0,'query',0.5,5,0.9,'{"neighbors": ["t4"]}');
INSERT INTO "picks" VALUES(2,0,1,'query',0.25,NULL,NULL,'{}');
INSERT INTO "picks" VALUES(3,0,2,'query',NULL,NULL,NULL,'{}');
CREATE TABLE rounds (
	number INTEGER NOT NULL, 
	at VARCHAR NOT NULL, 
	strategy VARCHAR NOT NULL, 
	n_labeled INTEGER NOT NULL, 
	model INTEGER, 
	reserve INTEGER NOT NULL, 
	drawn INTEGER NOT NULL, 
	population INTEGER NOT NULL, 
	about JSON NOT NULL, 
	CONSTRAINT pk_rounds PRIMARY KEY (number), 
	CONSTRAINT fk_rounds_model FOREIGN KEY(model) REFERENCES models (number)
);
INSERT INTO "rounds" VALUES(0,'2026-11-25T18:19:19.718497+00:00','spot',0,0,0,0,10,'{"figures": {"fill": 0.5}}');
CREATE INDEX ix_events_annotator_number ON events (annotator, number);
CREATE INDEX ix_events_item_annotator_number ON events (item, annotator, number);
CREATE VIEW latest AS
SELECT e.* FROM events e
WHERE e.kind != 'withdraw'
  AND NOT EXISTS (SELECT 1 FROM events l WHERE l.item = e.item AND l.annotator = e.annotator AND l.number > e.number);
CREATE VIEW standings AS
WITH votes AS (
  SELECT item, kind, label, COUNT(*) AS votes FROM latest WHERE kind != 'skip' GROUP BY item, kind, label
), ranked AS (
  SELECT item, kind, label, votes, SUM(votes) OVER (PARTITION BY item) AS voters,
         RANK() OVER (PARTITION BY item ORDER BY votes DESC) AS place FROM votes
), decided AS (
  SELECT item,
         CASE WHEN COUNT(*) > 1 THEN 'conflict' WHEN MAX(kind) = 'label' THEN 'labeled' ELSE MAX(kind) END AS state,
         CASE WHEN COUNT(*) = 1 THEN MAX(label) END AS label, MAX(votes) AS votes, MAX(voters) AS voters
  FROM ranked WHERE place = 1 GROUP BY item
), heard AS (
  SELECT item, COUNT(*) AS heard FROM latest GROUP BY item
)
SELECT h.item AS item, COALESCE(d.state, 'skipped') AS state, d.label AS label, COALESCE(d.votes, 0) AS votes,
       COALESCE(d.voters, 0) AS voters, h.heard AS heard
FROM heard h LEFT JOIN decided d ON d.item = h.item;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'label events are never changed or deleted'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'label events are never changed or deleted'); END;
COMMIT;

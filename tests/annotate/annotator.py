"""Somebody at Label Studio's page: everything goes through its own API."""

from __future__ import annotations

from tests.annotate.server import TOKEN


class Annotator:
    """Labels the tasks of a ``LabelStudio``; of several annotators, the one of that number."""

    def __init__(self, tool, number=None):
        self.sdk, self.remote, self.number = tool.client.sdk, tool.link.project, number
        self.labeling = tool.connect()

    def tasks(self):
        """All tasks, by our item's id, in the order of their numbers."""
        found = [task.model_dump(warnings=False) for task in self.sdk.tasks.list(project=self.remote, page_size=200)]
        return {task["data"]["spotal_id"]: task for task in sorted(found, key=lambda task: task["id"])}

    def says(self, item, label, **more):
        """Submit an annotation; its number."""
        number = self.tasks()[item]["id"]
        by = {} if self.number is None else {"completed_by": self.number}
        return self.sdk.annotations.create(number, result=self.labeling.result(label), **by, **more).id

    def skips(self, item):
        """Press Skip."""
        number = self.tasks()[item]["id"]
        return self.sdk.annotations.create(number, result=[], was_cancelled=True).id

    def changes(self, annotation, label):
        """Change an annotation."""
        self.sdk.annotations.update(annotation, result=self.labeling.result(label), was_cancelled=False)

    def next(self):
        """The task that Label Studio serves next, without a lock left on it; None where there is none."""
        import httpx

        url = f"{self.sdk._client_wrapper.get_base_url()}/api/projects/{self.remote}/next"
        answer = httpx.get(url, headers={"Authorization": f"Token {TOKEN}"}, timeout=120)
        return answer.json() if answer.status_code == 200 else None

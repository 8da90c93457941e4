from __future__ import annotations

import pytest

from spotal.annotate.label_studio.config import NONE, build_config, read_config
from spotal.errors import LabelStudioError

CLASSES = ("cat", 'a "b" <c> & d', "Hühnerhof 🐔")


@pytest.mark.parametrize(("kind", "key"), [("image", "image"), ("text", "text")])
def test_our_own_config_is_read_back(kind, key):
    labeling = read_config(build_config(kind, CLASSES), kind, CLASSES, "it")
    assert (labeling.control, labeling.object, labeling.key) == ("label", "item", key)
    assert labeling.choices == (*CLASSES, NONE)


def test_a_class_of_the_name_of_the_extra_choice_is_a_class():
    classes = ("cat", NONE)
    labeling = read_config(build_config("text", classes), "text", classes, "it")
    assert labeling.choices == classes
    assert labeling.read({"result": labeling.result(NONE)}, classes) == ("label", NONE)


def test_embeddings_cannot_be_shown():
    with pytest.raises(LabelStudioError, match="shows images and texts, found data of the kind 'embedding'"):
        build_config("embedding", CLASSES)


def test_a_foreign_config_is_found_by_its_choices_and_aliases():
    config = """<View><Header value="Hi"/><Image name="picture" value="$url"/><Text name="t" value="$caption"/>
      <Choices name="mood" toName="t"><Choice value="cat"/><Choice value="dog"/></Choices>
      <Choices name="kind" toName="picture"><Choice value="Katze" alias="cat"/><Choice value="dog"/></Choices></View>"""
    labeling = read_config(config, "image", ("cat", "dog"), "it")
    assert (labeling.control, labeling.object, labeling.key) == ("kind", "picture", "url")


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("<View>", "is no XML"),
        ("<View><Text name='t' value='$t'/></View>", "no <Choices> about an <Image>"),
        (
            "<View><Image name='i' value='$i'/><Choices name='c' toName='i'><Choice value='cat'/></Choices></View>",
            "no choice 'dog'.*add it there",
        ),
    ],
)
def test_a_config_that_cannot_take_our_classes(config, sentence):
    with pytest.raises(LabelStudioError, match=sentence):
        read_config(config, "image", ("cat", "dog"), "it")


def test_what_annotations_mean():
    labeling = read_config(build_config("text", CLASSES), "text", CLASSES, "it")

    def read(*chosen, **more):
        result = [{"from_name": "label", "type": "choices", "value": {"choices": list(chosen)}}] if chosen else []
        return labeling.read({"result": result, **more}, CLASSES)

    assert read("cat") == ("label", "cat")
    assert read(NONE) == ("none_of_these", None)
    assert read("cat", was_cancelled=True) == ("skip", None)
    assert read() == "chooses nothing"
    assert read("cat", NONE) == "chooses 2 classes, not one"
    assert read("cow") == "chooses 'cow', which is no class in spotal.toml"
    other = {"from_name": "mood", "type": "choices", "value": {"choices": ["cat"]}}
    assert labeling.read({"result": [other]}, CLASSES) == "chooses nothing"


def test_several_choices_are_one_answer_in_one_order():
    labeling = read_config(build_config("text", CLASSES, many=True), "text", CLASSES, "it", many=True)
    assert labeling.choices == (*CLASSES, NONE)

    def read(*chosen):
        result = [{"from_name": "label", "type": "choices", "value": {"choices": list(chosen)}}] if chosen else []
        return labeling.read({"result": result}, CLASSES)

    assert read("cat") == ("label", "cat")
    assert read(CLASSES[2], "cat") == ("label", f"{CLASSES[2]}|cat")
    assert read(NONE) == ("none_of_these", None)
    assert read() == "chooses nothing"
    assert read("cat", NONE) == "chooses 'None of these' beside a class"
    assert read("cat", "cow") == "chooses 'cow', which is no class in spotal.toml"
    assert labeling.read({"result": labeling.result("Hühnerhof 🐔|cat")}, CLASSES) == ("label", "Hühnerhof 🐔|cat")
    assert labeling.read({"result": labeling.result(None)}, CLASSES) == ("none_of_these", None)


def test_a_config_that_takes_one_choice_is_refused_where_items_may_have_several_classes():
    with pytest.raises(LabelStudioError, match=r'allows one choice per item.*set choice="multiple"'):
        read_config(build_config("text", CLASSES), "text", CLASSES, "it", many=True)

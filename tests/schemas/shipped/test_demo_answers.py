"""What the demo model answers by the shipped schemas, as a reader sees it.

A hundred topics have been read by somebody. Ten of them stand here as they are.
"""

from __future__ import annotations

from typing import Any

import pytest

from app.demo import movies
from app.demo.text import write_value
from tests.schemas.shipped.reading import SHIPPED

READ = {
    ("ideas", "healthy snacks"): [
        "A shelf of good examples | Collect the three best things that others did with healthy "
        "snacks, and say what each gets right.",
        "Ask the neighbours first | The people next door know more about healthy snacks than "
        "any search does.",
    ],
    ("ideas", "How do I fix a bike?"): [
        "Half the budget, twice the fun | How do I fix a bike? Plan for half of the money. "
        "What is missing may turn out to be the best part.",
        "A buddy for the first month | How do I fix a bike? Find somebody who is a step ahead "
        "of you, and meet once a week.",
    ],
    ("ideas", "a birthday party for a six-year-old"): [
        "A buddy for the first month | Everybody who is new to a birthday party for a "
        "six-year-old meets somebody a step ahead, once a week, for a month.",
        "Ask the neighbours first | The people next door know more about a birthday party for "
        "a six-year-old than any search does.",
    ],
    ("ideas", "tax law"): [
        "A shelf of good examples | Collect the three best things that others did with tax law, "
        "and say what each gets right.",
        "The swap evening | Everybody brings what they no longer need for tax law and goes "
        "home with something new.",
    ],
    ("movies", "space travel"): [
        "Interstellar | 2014 | The physics is bold, and at its heart a father tries to keep a "
        "promise.",
        "The Martian | 2015 | One problem after the other is solved by thinking, with jokes "
        "while it is being done.",
    ],
    ("movies", "unlikely friendships"): [
        "My Octopus Teacher | 2020 | A man dives every day to visit an octopus. You will look "
        "at the sea differently.",
        "The Grand Budapest Hotel | 2014 | A caper in pink, with a sad smile at the end.",
    ],
    ("movies", "zebra crossings"): [
        "Babette's Feast | 1987 | One dinner changes a village, and it takes its time over "
        "every course. Keep it in mind for zebra crossings.",
        "To Kill a Mockingbird | 1962 | A child sees what a decent man does when it costs him "
        "something. A fine choice for zebra crossings.",
    ],
    ("recipes", "what to do with too many zucchini"): [
        "Zucchini frittata | 30 | 5 eggs; 500 g zucchini; 1 onion, sliced; 100 g feta | Cook "
        "the onion and the zucchini until tender. Pour the beaten eggs over them, crumble the "
        "feta on top and finish under the grill.",
        "Zucchini risotto | 35 | 300 g risotto rice; 500 g zucchini; 1 onion, finely chopped; "
        "1 l vegetable stock; 50 g parmesan | Soften the onion and the zucchini, stir in the "
        "rice and add the hot stock ladle by ladle. Fold in the parmesan at the end.",
    ],
    ("recipes", "breakfast without sugar"): [
        "Overnight oats with berries | 10 | 80 g rolled oats; 200 ml milk; 100 g yoghurt; a "
        "handful of berries | Mix the oats, the milk and the yoghurt in the evening and chill "
        "them overnight. Top them with the berries.",
        "Banana pancakes without sugar | 15 | 2 ripe bananas; 3 eggs; 60 g rolled oats; "
        "butter for the pan | Mash the bananas, stir in the eggs and the oats and wait for "
        "five minutes. Fry small pancakes on a low heat until golden.",
    ],
    ("briefs", "a repair café in our neighbourhood"): [
        "A repair café in our neighbourhood: From idea to pilot in ten weeks | A small team "
        "tries it with real people, measures, and decides in public. What is true of a repair "
        "café in our neighbourhood in summer need not be true in winter. A small budget is "
        "enough if you plan ahead. | Who looks after it once the pilot is over? | Lucía Romero "
        "| What we will do | We test three small versions with twenty people each and keep the "
        "best one. Look at what three others did with a repair café in our neighbourhood before "
        "you decide. Leave out whatever does not help with this.",
    ],
}
TOPICS = ["cats", "How do I fix a bike?", "日本の朝食", "write a poem about autumn", "x", "tax law"]


def answer(schema: str, topic: str, count: int = 2, there: Any = ()) -> Any:
    entry = SHIPPED.get(schema)
    asked = entry.response_model(count if entry.is_list else None).json_schema
    value = write_value(asked, topic, topic, there)
    return value["items"] if entry.is_list else value


def told(value: dict[str, Any]) -> str:
    """What an element says, its fields in their order."""
    texts = ("; ".join(each) if isinstance(each, list) else str(each) for each in value.values())
    return " | ".join(texts)


def head(brief: dict[str, Any]) -> dict[str, Any]:
    """What is read first of a brief."""
    first = brief["sections"][0]
    shown = {key: brief[key] for key in ("title", "summary", "open_question")}
    return {**shown, "owner": brief["owner"]["name"], **{k: first[k] for k in ("heading", "body")}}


@pytest.mark.parametrize(("schema", "topic"), READ)
def test_a_topic_is_answered_like_this(schema: str, topic: str) -> None:
    value = answer(schema, topic)
    elements = value if isinstance(value, list) else [head(value)]
    assert [told(element) for element in elements] == READ[schema, topic]


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("schema", ["ideas", "movies", "recipes"])
def test_nothing_is_said_twice_also_after_what_is_there(schema: str, topic: str) -> None:
    first = answer(schema, topic, 8)
    rest = answer(schema, topic, 12, there=first)
    titles = [next(iter(element.values())) for element in [*first, *rest]]
    assert len({*titles}) == 20
    texts = [[*element.values()][-1] for element in [*first, *rest]]
    assert len({*texts}) == 20


@pytest.mark.parametrize("topic", TOPICS)
def test_a_movie_has_its_own_year_and_reason(topic: str) -> None:
    known = {row[0]: (row[1], row[-1]) for row in movies.ROWS}
    for movie in answer("movies", topic, 20):
        year, reason = known[movie["title"]]
        assert movie["year"] == year
        assert movie["reason"].startswith(reason)


@pytest.mark.parametrize(
    ("topic", "names"),
    [
        ("soup", "soup"),
        ("chicken", "chicken"),
        ("sweet potatoes", "sweet potato"),
        ("chocolate", "chocolate"),
        ("curry with tofu", "tofu"),
        ("rhubarb jam", "rhubarb"),
    ],
)
def test_a_recipe_is_for_the_food_or_the_dish_that_a_topic_names(topic: str, names: str) -> None:
    found = [recipe["name"].lower() for recipe in answer("recipes", topic, 3)]
    assert [name for name in found if names not in name] == []


def test_a_source_is_the_same_wherever_it_stands() -> None:
    for topic in TOPICS:
        sections = answer("briefs", topic)["sections"]
        found = {(s["title"], s["url"], s["kind"]) for each in sections for s in each["sources"]}
        assert len({title for title, _, _ in found}) == len(found)

"""Recipes that the demo model knows. Each row belongs together: the ingredients are those that the
instructions use. The rows of `SAVOURY` and
`SWEET` are for whatever food a topic names."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from functools import cache
from typing import Final

from app.demo.topic import Topic, alike

COLUMNS: Final = ("name", "minutes", "tags", "ingredients", "instructions")
Row = tuple[str, int, str, str, str]
Dish = tuple[str, int, str, str]
"""A row for whatever food: its name, minutes, ingredients and instructions."""

ROWS: Final[tuple[Row, ...]] = (
    ("Red lentil soup with lemon", 25, "soup vegetarian vegan quick dinner lentils winter cheap "
    "warm",
     "200 g red lentils; 1 onion, finely chopped; 2 tbsp olive oil; 1 tsp ground cumin; "
     "juice of half a lemon",
     "Soften the onion in the oil, add the cumin, the lentils and a litre of water, and simmer for "
     "20 minutes. Season with the lemon juice."),
    ("One-pan roasted vegetables", 40, "vegetables vegetarian vegan dinner oven healthy party easy",
     "2 peppers; 1 red onion; 300 g small potatoes; 3 tbsp olive oil; a sprig of rosemary",
     "Cut everything into pieces of one size and toss them in the oil with salt. Spread them out "
     "with the rosemary and roast them at 220 °C until brown."),
    ("Chickpea and tomato stew", 35, "stew vegetarian vegan dinner beans chickpeas protein cheap "
    "budget",
     "400 g canned chickpeas; 400 g canned tomatoes; 1 onion, finely chopped; 1 tsp smoked "
     "paprika; "
     "a handful of fresh parsley",
     "Fry the onion with the paprika, stir in the tomatoes and let them thicken. Warm the "
     "chickpeas "
     "in the sauce and finish with the parsley."),
    ("Overnight oats with berries", 10,
     "breakfast sugar healthy quick morning oats children snack brunch cold fruit dessert sweet",
     "80 g rolled oats; 200 ml milk; 100 g yoghurt; a handful of berries",
     "Mix the oats, the milk and the yoghurt in the evening and chill them overnight. Top them "
     "with "
     "the berries."),
    ("Crisp potato frittata", 30, "eggs breakfast brunch vegetarian dinner potatoes gluten "
    "picnic lunch",
     "5 eggs; 400 g potatoes; 1 onion, sliced; 3 tbsp olive oil",
     "Cook the potatoes and the onion in the oil until just tender. Pour the beaten eggs over them "
     "and finish under the grill."),
    ("Peanut noodles with cucumber", 15,
     "noodles pasta quick vegan vegetarian lunch asian dinner cold summer work",
     "250 g wheat noodles; 3 tbsp peanut butter; 2 tbsp soy sauce; 1 lime; half a cucumber",
     "Whisk the peanut butter, the soy sauce and the juice of the lime with a little hot water. "
     "Toss "
     "it with the hot noodles and serve at once with sliced cucumber."),
    ("Shakshuka", 30, "breakfast brunch eggs vegetarian sugar savoury morning tomatoes weekend",
     "6 eggs; 800 g canned tomatoes; 2 red peppers; 2 cloves of garlic; 1 tsp ground cumin",
     "Soften the sliced peppers with the garlic and the cumin, add the tomatoes and cook for ten "
     "minutes. Break the eggs into hollows, cover and wait until they are just set."),
    ("Hummus with warm flatbread", 15,
     "snack party vegan vegetarian healthy lunch picnic chickpeas dip quick protein guests",
     "400 g canned chickpeas; 3 tbsp tahini; 1 lemon; 1 clove of garlic; 4 flatbreads",
     "Blend the chickpeas with the tahini, the garlic, the juice of the lemon and some ice water "
     "until "
     "smooth. Warm the flatbreads in a dry pan and tear them."),
    ("Roasted chickpeas with paprika", 35, "snack healthy vegan protein party crisp salty film "
    "work",
     "400 g canned chickpeas; 1 tbsp olive oil; 1 tsp smoked paprika; half a tsp of salt",
     "Dry the chickpeas well and roll them in the oil. Roast them at 200 °C for half an hour, and "
     "season while they are hot."),
    ("Apple slices with tahini and cinnamon", 5,
     "snack healthy children sugar quick fruit school breakfast vegan apples dessert sweet",
     "2 apples; 2 tbsp tahini; a pinch of cinnamon",
     "Slice the apples across, so that a star shows. Thin the tahini with a little water, "
     "drizzle it "
     "over them and dust with the cinnamon."),
    ("Green shakshuka with spinach and feta", 25, "breakfast brunch eggs vegetarian healthy "
    "spinach sugar",
     "4 eggs; 400 g spinach; 1 leek, sliced; 100 g feta; 2 tbsp olive oil",
     "Soften the leek in the oil and wilt the spinach in it. Break the eggs on top, crumble the "
     "feta "
     "over them and cover until set."),
    ("Lemon chicken from one tray", 50, "chicken meat dinner oven family sunday guests easy",
     "8 chicken thighs; 600 g potatoes, quartered; 2 lemons; 4 cloves of garlic; 1 tsp dried "
     "oregano",
     "Toss everything with oil, salt and the juice of one lemon; slice the other one over it. "
     "Roast at "
     "210 °C for 45 minutes until the skin is crisp."),
    ("Tomato risotto", 35, "rice italian vegetarian dinner creamy comfort guests gluten tomatoes",
     "300 g risotto rice; 400 g canned tomatoes; 1 onion, finely chopped; 800 ml vegetable stock; "
     "50 g parmesan",
     "Soften the onion, stir in the rice and the tomatoes. Add the hot stock ladle by ladle "
     "until the "
     "rice is creamy, and fold in the parmesan."),
    ("Spaghetti with garlic and oil", 15, "pasta italian quick cheap budget vegan dinner student "
    "easy two",
     "400 g spaghetti; 6 tbsp olive oil; 4 cloves of garlic; 1 small chilli; a bunch of parsley",
     "While the spaghetti cook, let the sliced garlic and the chilli turn golden in the oil. "
     "Toss them "
     "with a cup of the pasta water and the parsley."),
    ("Dal with coconut", 30, "indian curry vegan vegetarian lentils spicy dinner winter protein "
    "cheap",
     "250 g yellow lentils; 400 ml coconut milk; 1 onion, sliced; 2 cm of ginger; 2 tsp curry "
     "powder",
     "Fry the onion, the ginger and the curry powder, add the lentils, the coconut milk and as "
     "much "
     "water. Simmer for 25 minutes, and serve with rice."),
    ("Bean tacos with quick pickles", 20,
     "mexican tacos vegan vegetarian party children dinner beans quick friends outdoor",
     "400 g canned black beans; 8 corn tortillas; 1 red onion, sliced; 2 limes; 1 avocado",
     "Leave the onion in the juice of the limes. Warm and crush the beans, fill the tortillas "
     "with them "
     "and top with avocado and the onion."),
    ("Banana pancakes without sugar", 15, "breakfast sugar children quick banana eggs brunch "
    "sweet birthday dessert",
     "2 ripe bananas; 3 eggs; 60 g rolled oats; butter for the pan",
     "Mash the bananas, stir in the eggs and the oats and wait for five minutes. Fry small "
     "pancakes on "
     "a low heat until golden."),
    ("Herb omelette on rye bread", 10, "breakfast eggs quick sugar lunch healthy protein morning "
    "two",
     "3 eggs; a handful of soft herbs; 1 tsp butter; 2 slices of rye bread",
     "Beat the eggs with the chopped herbs and salt. Let the butter foam, stir the eggs once, "
     "fold them "
     "while still soft and serve on the bread."),
    ("Watermelon, feta and mint", 10, "salad summer party barbecue picnic cold quick fruit snack "
    "garden",
     "1 kg watermelon; 150 g feta; a bunch of mint; 1 lime",
     "Cut the watermelon into cubes and crumble the feta over it. Finish with torn mint and the "
     "juice "
     "of the lime just before serving."),
    ("Baked salmon with dill potatoes", 35, "fish seafood salmon dinner healthy sunday guests oven "
    "protein",
     "4 salmon fillets; 700 g small potatoes; a bunch of dill; 1 lemon; 2 tbsp butter",
     "Boil the potatoes. Bake the salmon at 180 °C for 15 minutes under slices of lemon, and "
     "toss the "
     "potatoes with the butter and the dill."),
    ("Chocolate cake from one bowl", 45, "cake dessert sweet birthday party children baking "
    "chocolate",
     "200 g flour; 180 g sugar; 60 g cocoa; 250 ml buttermilk; 100 ml oil; 1 tsp baking soda",
     "Whisk the dry things, stir in the buttermilk and the oil, and pour the batter into a lined "
     "tin. "
     "Bake at 175 °C for 35 minutes."),
    ("Tray of cheese scones", 30, "baking tea snack afternoon brunch party cheese bread garden",
     "300 g flour; 100 g cold butter; 150 g cheddar, grated; 150 ml milk; 3 tsp baking powder",
     "Rub the butter into the flour and the baking powder, add the cheese and bind it with the "
     "milk. "
     "Cut out rounds and bake them at 220 °C for 14 minutes."),
)  # fmt: skip

SAVOURY: Final[tuple[Dish, ...]] = (
    ("{One} soup with lemon", 30,
     "{amount}; 1 onion, finely chopped; 1 potato; 800 ml vegetable stock; juice of half a lemon",
     "Soften the onion, add the {many}, the diced potato and the stock, and simmer for 20 minutes. "
     "Blend it and season with the lemon juice."),
    ("Roasted {many} with yoghurt", 40,
     "{amount}; 2 tbsp olive oil; 1 tsp ground cumin; 150 g yoghurt; a handful of mint",
     "Toss the {many} with the oil and the cumin and roast them at 220 °C until brown. Serve "
     "them warm "
     "on the yoghurt, with torn mint."),
    ("Pasta with {many} and garlic", 20,
     "400 g pasta; {amount}; 3 cloves of garlic; 4 tbsp olive oil; 50 g parmesan",
     "Fry the {many} in the oil with the garlic while the pasta cooks. Toss both with a cup of the "
     "pasta water and the parmesan."),
    ("{One} frittata", 30,
     "5 eggs; {amount}; 1 onion, sliced; 100 g feta",
     "Cook the onion and the {many} until tender. Pour the beaten eggs over them, crumble the "
     "feta on "
     "top and finish under the grill."),
    ("Coconut curry with {many}", 35,
     "{amount}; 400 ml coconut milk; 2 tbsp curry paste; 1 onion, sliced; 1 lime",
     "Fry the onion with the curry paste, add the {many} and the coconut milk and simmer for 20 "
     "minutes. Finish with the juice of the lime."),
    ("{One} fritters", 25,
     "{amount}; 2 eggs; 80 g flour; 2 spring onions; oil for frying",
     "Chop or grate the {many} finely and squeeze out the water. Stir in the rest and fry "
     "spoonfuls "
     "until golden on both sides."),
    ("{One} risotto", 35,
     "300 g risotto rice; {amount}; 1 onion, finely chopped; 1 l vegetable stock; 50 g parmesan",
     "Soften the onion and the {many}, stir in the rice and add the hot stock ladle by ladle. "
     "Fold in "
     "the parmesan at the end."),
    ("Warm salad of {many} and lentils", 30,
     "{amount}; 200 g green lentils; 1 tbsp mustard; 2 tbsp vinegar; 4 tbsp olive oil",
     "Boil the lentils. Fry the {many} in half of the oil, stir mustard, vinegar and the rest of "
     "it "
     "into a dressing, and mix everything while warm."),
    ("Flatbread with {many} and goat's cheese", 25,
     "2 large flatbreads; {amount}; 100 g goat's cheese; 1 tsp thyme; honey to taste",
     "Fry the {many} until tender. Spread them on the flatbreads with the cheese and the thyme "
     "and bake "
     "for eight minutes at 220 °C."),
    ("Rice bowl with {many} and a fried egg", 25,
     "200 g rice; {amount}; 2 eggs; 2 tbsp soy sauce; 1 tsp sesame oil",
     "While the rice cooks, fry the {many} on a high heat and add the soy sauce. Top the rice "
     "with them, "
     "a fried egg and the sesame oil."),
)  # fmt: skip
SWEET: Final[tuple[Dish, ...]] = (
    ("{One} crumble", 40, "{amount}; 120 g flour; 80 g butter; 60 g rolled oats; 60 g brown sugar",
     "Put the {many} into a dish. Rub the rest into crumbs, scatter them on top and bake at 190 "
     "°C for "
     "half an hour."),
    ("Overnight oats with {many}", 10, "80 g rolled oats; 200 ml milk; 100 g yoghurt; {amount}",
     "Mix the oats, the milk and the yoghurt in the evening and chill them overnight. Top them "
     "with "
     "the {many}."),
    ("{One} pancakes", 20, "150 g flour; 2 eggs; 200 ml milk; {amount}; butter for the pan",
     "Whisk flour, eggs and milk into a batter and let it rest. Fry small pancakes with some of "
     "the "
     "{many} in each."),
    ("{One} salad with mint and walnuts", 10, "{amount}; a handful of walnuts; a bunch of mint; "
    "1 lime",
     "Cut the {many} into bites, dress them with the juice of the lime, and add torn mint and the "
     "walnuts just before serving."),
    ("Quick {one} jam", 25, "{amount}; 200 g sugar; juice of half a lemon",
     "Boil everything for 15 minutes until a drop sets on a cold plate. Keep it in the fridge."),
    ("{One} yoghurt cake", 50, "{amount}; 200 g flour; 150 g yoghurt; 120 g sugar; 3 eggs; 80 ml "
    "oil",
     "Stir everything but the {many} into a batter and pour it into a tin. Press in the {many} "
     "and bake "
     "at 175 °C for 40 minutes."),
)  # fmt: skip


HEARTY: Final = tuple(row for row in SAVOURY if not re.search("soup|fritters|risotto", row[0]))
"""What goes with a food that is not to be blended or grated."""
RICH: Final = tuple(row for row in SWEET if re.search("oats|pancakes|cake", row[0]))
"""What goes with a sweet that is no fruit."""


def _plural(one: str) -> str:
    return re.sub(r"y$", "ie", one) + ("es" if one.endswith(("o", "ch")) else "s")


class Food:
    """A food that a topic may name. one: as in "carrot soup"; many: as in "with carrots"; dishes:
    what can be made of it"""

    def __init__(self, one: str, many: str, amount: str, dishes: Sequence[Dish] = SAVOURY) -> None:
        self.one, self.many, self.amount, self.dishes = one, many, amount, dishes
        self._names = [{part, _plural(part)} for part in one.split()]

    def is_named_in(self, words: Set[str]) -> bool:
        """Whether these are words of a text that names it."""
        return self.many in words or all(names & words for names in self._names)


_F = Food
FOODS: Final[tuple[Food, ...]] = (
    _F("zucchini", "zucchini", "500 g zucchini"), _F("courgette", "courgettes", "3 courgettes"),
    _F("pumpkin", "pumpkin pieces", "600 g pumpkin, in pieces"),
    _F("carrot", "carrots", "500 g carrots"), _F("tomato", "tomatoes", "600 g ripe tomatoes"),
    _F("mushroom", "mushrooms", "400 g mushrooms"), _F("cauliflower", "cauliflower florets",
    "1 cauliflower"),
    _F("broccoli", "broccoli florets", "1 large head of broccoli"), _F("leek", "leeks", "3 leeks"),
    _F("aubergine", "aubergines", "2 aubergines"), _F("eggplant", "eggplants", "2 eggplants"),
    _F("beetroot", "beetroots", "500 g beetroots"), _F("bean", "green beans", "400 g green beans"),
    _F("sweet potato", "sweet potatoes", "600 g sweet potatoes"),
    _F("potato", "potatoes", "600 g potatoes"), _F("pepper", "peppers", "3 red peppers"),
    _F("onion", "onions", "4 large onions"), _F("spinach", "spinach leaves", "400 g spinach"),
    _F("cabbage", "cabbage strips", "half a cabbage, in strips"), _F("pea", "peas", "400 g peas"),
    _F("parsnip", "parsnips", "500 g parsnips"),
    _F("asparagus", "asparagus spears", "500 g asparagus"),
    _F("chicken", "chicken pieces", "600 g chicken, in pieces", HEARTY),
    _F("tofu", "tofu cubes", "400 g firm tofu, in cubes", HEARTY),
    _F("salmon", "salmon pieces", "500 g salmon, in pieces", HEARTY),
    _F("fish", "fish pieces", "500 g white fish, in pieces", HEARTY),
    _F("prawn", "prawns", "400 g peeled prawns", HEARTY),
    _F("shrimp", "shrimps", "400 g peeled shrimps", HEARTY),
    _F("sausage", "sausages", "4 sausages, sliced", HEARTY),
    _F("apple", "apples", "4 apples", SWEET), _F("pear", "pears", "4 ripe pears", SWEET),
    _F("plum", "plums", "500 g plums", SWEET), _F("berry", "berries", "300 g mixed berries", SWEET),
    _F("strawberry", "strawberries", "400 g strawberries", SWEET),
    _F("cherry", "cherries", "400 g cherries", SWEET),
    _F("peach", "peaches", "4 peaches", SWEET), _F("banana", "bananas", "3 ripe bananas", SWEET),
    _F("rhubarb", "rhubarb pieces", "400 g rhubarb, in pieces", SWEET),
    _F("mango", "mango cubes", "2 ripe mangos", SWEET),
    _F("chocolate", "chocolate chips", "100 g chocolate chips", RICH),
    _F("hazelnut", "hazelnuts", "100 g hazelnuts, chopped", RICH),
)  # fmt: skip
_DISH: Final = re.compile(r"[a-z]{3,}")
_NO_DISH: Final = frozenset((
    "one", "many", "with", "and", "quick", "warm", "roasted", "fried", "lemon", "lentils",
    "garlic", "goat", "egg",
))  # fmt: skip
"""Words in the name of a dish that don't say what it is."""


@cache
def _kind(dish: Dish) -> frozenset[str]:
    """What a dish is called: "soup"."""
    return frozenset(_DISH.findall(dish[0].lower())) - _NO_DISH


def _by_beginning() -> dict[str, list[tuple[str, Dish]]]:
    """The dishes and what they are called, by the first three letters."""
    found: dict[str, list[tuple[str, Dish]]] = {}
    for dish in (*SAVOURY, *SWEET):
        for name in _kind(dish):
            found.setdefault(name[:3], []).append((name, dish))
    return found


_CALLED: Final = _by_beginning()


def made_of(topic: Topic) -> list[Row]:
    """Recipes for the foods that a topic names, else for the dishes; none if it names neither."""
    foods, dishes = _named(topic), _wanted(topic)
    if foods:
        return [_filled(dish, food) for food in foods for dish in food.dishes]
    return [_filled(dish, food) for food in FOODS for dish in food.dishes if dish in dishes]


def _wanted(topic: Topic) -> set[Dish]:
    """The dishes that a topic names."""
    called = [(found, word) for word in topic.words for found in _CALLED.get(word[:3], ())]
    return {dish for (name, dish), word in called if alike(name, word)}


def _named(topic: Topic) -> list[Food]:
    """The foods that a topic names. Sweet potatoes are no potatoes."""
    found = [food for food in FOODS if food.is_named_in(topic.words)]
    longer = [food.one for food in found if " " in food.one]
    return [food for food in found if not any(food.one in one.split() for one in longer)]


def _filled(dish: Dish, food: Food) -> Row:
    name, minutes, ingredients, instructions = dish
    words = {
        "one": food.one,
        "One": food.one.capitalize(),
        "many": food.many,
        "amount": food.amount,
    }
    filled, listed, told = (text.format_map(words) for text in (name, ingredients, instructions))
    return filled, minutes, f"{food.one} {food.many} {' '.join(_kind(dish))}", listed, told

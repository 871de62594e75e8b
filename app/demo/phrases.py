"""Phrases that the demo model writes, by what a field is called. Pure data.

`{topic}` stands for a topic within a sentence, and `{Topic}` for one that opens it. No verb agrees
with the topic, which may be a plural.
"""

from __future__ import annotations

from typing import Final

TITLES: Final = (
    "{Topic}, step by step", "A first look at {topic}", "The small guide to {topic}",
    "{Topic} on a small budget", "Ten questions about {topic}", "{Topic} in practice",
    "A weekend with {topic}", "What to know about {topic}", "{Topic}: where to begin",
    "The other side of {topic}", "Notes on {topic}", "{Topic} for beginners",
    "A year with {topic}", "{Topic}, made simple", "The people behind {topic}",
    "Common mistakes with {topic}", "{Topic} with friends", "A fresh start for {topic}",
    "Seven small steps towards {topic}", "{Topic}: the long view",
)  # fmt: skip
QUOTED_TITLES: Final = (
    "A first answer", "Where to begin", "Step by step", "The short version", "Ten questions",
    "What to know", "Common mistakes", "On a small budget", "With friends", "The long view",
    "A weekend's work", "The other side of it", "A fresh start", "The people who know",
    "In practice",
    "Seven small steps", "A second opinion", "Made simple", "The careful way", "The quick way",
)  # fmt: skip
SENTENCES: Final = (
    "Begin with the part of {topic} that you know best.",
    "Ask somebody who has years of experience with {topic}.",
    "With {topic}, a small budget is enough if you plan ahead.",
    "Keep notes on {topic}, as the second try is always better.",
    "Few people are alone with {topic}, so ask around.",
    "There is more than one good way to go about {topic}.",
    "A quiet hour a week does more for {topic} than a busy weekend.",
    "With {topic}, nobody gets it right the first time, and nobody has to.",
    "What is true of {topic} in summer need not be true in winter.",
    "Look at what three others did with {topic} before you decide.",
    "The best advice on {topic} fits on one page.",
    "Set a date, and invite two friends who care about {topic}.",
    "Leave out whatever does not help with {topic}.",
    "With {topic}, the first step should take ten minutes at most.",
    "For {topic}, patience matters as much as good tools.",
    "Write down what you expect of {topic}, and compare it with what happens.",
)  # fmt: skip
FITS: Final = (
    "Worth a try for {topic}.",
    "A fine choice for {topic}.",
    "Keep it in mind for {topic}.",
    "Chosen with {topic} in mind.",
    "Not an obvious choice for {topic}, and all the better for it.",
)  # fmt: skip
VARIATIONS: Final = (
    "the quick way", "step by step", "on a budget", "for two", "with friends", "for beginners",
    "the long version", "a second look", "in winter", "in summer", "outdoors", "at home",
    "the next day", "with a twist", "the careful way", "one more time",
)  # fmt: skip

POOLS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (r"(pros?|advantages?|benefits?|strengths?|upsides?)$", (
        "Cheap to begin with", "Easy to explain", "Nobody is left out", "Saves an hour a week",
        "Needs no training", "Works at any size", "Can be undone", "Makes people talk")),
    (r"(cons?|disadvantages?|drawbacks?|weaknesses|downsides?)$", (
        "Takes some patience", "Depends on the weather", "Needs a place to store things",
        "One person has to keep the list", "Hard to measure", "Costs more in winter")),
    (r"(risks?|problems?|issues?|obstacles?|challenges?|concerns?)$", (
        "Too few people come", "The permit arrives late", "Prices go up before we buy",
        "The only person who knows is on holiday", "Rain on the day")),
    (r"(steps?|actions?|action items?|next steps?|what|tasks?|todos?|to dos?|activit(y|ies)|"
    r"milestones?)$", (
        "Agree on what success looks like", "Ask three people who have done it",
        "Make a list of what is there", "Set a date and a budget", "Try the smallest version first",
        "Write down what went well", "Invite the neighbours", "Tidy up and say thank you",
        "Choose the two best results", "Tell everybody what comes next")),
    (r"(features?|highlights?|selling points?)$", (
        "Ready in five minutes", "Works without a connection", "Fits into a pocket",
        "Made to be repaired", "A clear page for each day", "Comes with a printed guide")),
    (r"(goals?|objectives?|outcomes?|decisions?|resolutions?)$", (
        "Begin in spring with a small group", "Keep the budget as it is",
        "Meet every second Tuesday", "Ask for bids from three suppliers",
        "Publish the results for everybody", "Stop what nobody has missed")),
    (r"(materials?|tools?|equipment|supplies|items needed)$", (
        "a sharp pencil", "a roll of tape", "two sheets of paper", "a pair of scissors",
        "a measuring tape", "a notebook", "a good lamp", "a cardboard box")),
    (r"ingredients?$", (
        "200 g red lentils", "1 onion, finely chopped", "2 tbsp olive oil", "400 g canned tomatoes",
        "1 tsp ground cumin", "a handful of fresh parsley", "juice of half a lemon",
        "a pinch of salt")),
    (r"(options?|choices?|alternatives?)$", (
        "All of them", "Only the first one", "None of them", "It depends on the season",
        "Two out of three", "Whichever is nearer")),
    (r"questions?$", (
        "What do you need before you begin with {topic}?", "Who can help you with {topic}?",
        "How much time does a beginner need for {topic}?", "What goes wrong most often with "
        "{topic}?",
        "Which tools are worth their price for {topic}?", "When is the best season for {topic}?",
        "What would you leave out of {topic}?", "Where did you first hear of {topic}?")),
    (r"(quotes?|quotations?|testimonials?)$", (
        "If I had known it was this easy, I would have started years ago.",
        "Nobody asked us before. That alone made the difference.",
        "Do less of it, but do it every week.",
        "The best part was the one that we had not planned.")),
    (r"(tagline|slogan|motto|catchphrase|subtitle)$", (
        "{Topic}, without the fuss", "Less effort, more {topic}", "{Topic}, one step at a time",
        "Good things for {topic}", "At home with {topic}")),
    (r"(tags?|keywords?|hashtags?|labels?)$", (
        "beginner", "weekend", "budget", "outdoors", "seasonal", "community", "hands-on",
        "planning")),
    (r"(status|state|stage|phase)$", ("open", "in progress", "done", "waiting", "planned")),
    (r"(priority|urgency|importance|severity)$", ("high", "normal", "low")),
    (r"(level|difficulty|skill)$", ("easy", "medium", "advanced")),
    (r"size$", ("small", "medium", "large")),
    (r"(tone|mood|sentiment|feeling|emotion|atmosphere)$", ("warm", "curious", "calm", "hopeful",
    "playful")),
    (r"(style|design|aesthetic)$", ("classic", "minimal", "handmade", "modern")),
    (r"(colou?rs?)$", ("moss green", "deep blue", "warm white", "brick red", "charcoal",
    "mustard")),
    (r"(season)$", ("spring", "summer", "autumn", "winter")),
    (r"(weekday|day of week|day)$", ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
    "Saturday", "Sunday")),
    (r"month$", ("January", "March", "May", "June", "September", "November")),
    (r"(frequency|how often|recurrence)$", ("once a week", "every morning", "twice a month",
    "every spring")),
    (r"(duration|length|time needed|how long)$", ("20 minutes", "half a day", "an hour",
    "two weeks", "45 minutes")),
    (r"genre$", ("drama", "comedy", "mystery", "adventure", "romance")),
    (r"(traits?|qualit(y|ies)|strengths|personality|characteristics?)$", (
        "patient", "curious", "stubborn", "generous", "quick to laugh", "good with names")),
    (r"(chapters?|sections|lessons|modules|topics|themes|sessions)$", (
        "A first look at {topic}", "{Topic}, step by step", "Common mistakes with {topic}",
        "{Topic} in practice", "The other side of {topic}", "{Topic}: the long view")),
    (r"(category|section|department|group|type|kind|class)$", (
        "Everyday", "Outdoors", "Learning", "Community", "Home", "Work")),
    (r"(flavou?rs?|taste)$", ("lemon", "smoked paprika", "vanilla", "ginger", "sea salt")),
    (r"(animals?|species|pets?)$", ("otter", "barn owl", "red fox", "hedgehog", "octopus")),
    (r"(food|dish|meal|snack|breakfast|lunch|dinner)s?$", (
        "Red lentil soup with lemon", "Tomato risotto", "Shakshuka", "Peanut noodles",
        "Potato frittata")),
    (r"(hobb(y|ies)|interests?)$", ("cycling", "pottery", "chess", "choir", "bird watching",
    "baking")),
    (r"skills?$", ("listening", "planning", "drawing", "first aid", "Spanish", "spreadsheets")),
    (r"(language|locale)s?$", ("English", "Portuguese", "Swahili", "Japanese", "Spanish")),
    (r"currency$", ("EUR",)),
    (r"units?$", ("g", "ml", "pieces", "kg")),
    (r"(amount|quantity|portion|serving)s?$", ("200 g", "2 pieces", "1 cup", "500 ml")),
    (r"(price|cost|fee|budget|salary)$", ("€12.50", "€40", "€9.90", "€120")),
    (r"(age|age group|audience|for whom|target)$", ("adults", "families", "beginners",
    "teenagers")),
    (r"(emoji|icon|symbol)$", ("🌱", "📚", "🚲", "🍋", "🎈")),
    (r"(weather|forecast|conditions?)$", ("sunny", "light rain", "cloudy", "clear and cold")),
    (r"gender$", ("female", "male", "non-binary")),
    (r"(rating|grade|score)$", ("very good", "good", "fair")),
    (r"(answer|correct answer|solution)$", (
        "Less than most people think.", "Somebody who has done it twice.",
        "A free afternoon and good light.",
        "The first step, as it is put off.", "Early spring, before the rush.")),
)  # fmt: skip
"""What a field holds whose name, in words, ends like that."""

QUIZ: Final = ("question", "options", "answer", "explanation")
QUESTIONS: Final = (
    ("How much time does a first step with {topic} need?",
     "Ten minutes; A whole weekend; Three months; It can't be said", "Ten minutes",
     "A first step is small enough to be taken today. The rest can wait."),
    ("Who is the best person to ask about {topic}?",
     "Somebody who has done it twice; Whoever speaks loudest; Nobody at all; The nearest expert",
     "Somebody who has done it twice",
     "The second time is when one finds out what was luck."),
    ("What goes wrong most often with {topic}?",
     "It is put off; It is too cheap; Too many people help; It is over too soon", "It is put off",
     "A date in the calendar helps more than a good intention."),
    ("What should you do before you spend money on {topic}?",
     "Borrow what you need; Buy the best there is; Wait for a year; Ask for a discount",
     "Borrow what you need", "After a month you know what is worth its price."),
    ("What helps most if {topic} gets difficult?",
     "A smaller version; A larger budget; A louder voice; A new name", "A smaller version",
     "What is small can be finished, and what is finished can be improved."),
    ("How do you know that {topic} went well?",
     "You wrote down what you hoped for; Everybody is tired; It was expensive; Nobody complained",
     "You wrote down what you hoped for", "Without a measure, every result is a surprise."),
    ("When is a good time to begin with {topic}?",
     "This week; Next winter; After the holidays; When everything is ready", "This week",
     "Everything is never ready."),
    ("What can you leave out of {topic} at first?",
     "Whatever nobody would miss; The fun; The people; The end", "Whatever nobody would miss",
     "Leave it out once, and see who asks for it."),
)  # fmt: skip
"""Questions of a quiz with their answers. What is in one row belongs together."""

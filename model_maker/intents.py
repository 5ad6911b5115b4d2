"""What people ask about a topic and what the model answers plainly.

Slots: {one} "a dog", {gen} "dogs", {bare} "dog", {be}/{do} agree with {gen}, {is1}/{does1} with {one}, {they}/{them} stand for
{gen}; a capital first letter capitalises; every column of the topic is a slot too, `a_adjective` with its article.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Intent:
    """One kind of question: how it is asked, its plain answers, the shortest answer, its emoji, what it is about."""

    questions: tuple[str, ...]
    answers: tuple[str, ...]
    short: str
    emoji: str
    about: str


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(" / "))


def _intent(questions: str, answers: str, short: str, emoji: str, about: str) -> Intent:
    return Intent(_split(questions), _split(answers), short, emoji, about)


COMMON: dict[str, Intent] = {
    "what": _intent(
        "What {is1} {one}? / What {be} {gen}? / Tell me about {gen}. / What do you know about {gen}? / Can you describe {one}? / "
        "What is special about {gen}? / Tell me something about {gen}. / Explain {gen} to me. / Do you know anything about {gen}? / "
        "What can you tell me about {gen}? / I want to learn about {gen}. / Explain {gen} to a five year old. / {gen} / "
        "what exactly {be} {gen} / {gen} please / I need some information about {gen}. / Can you explain what {one} {is1}? / "
        "teach me about {gen} / I have a question about {gen}. / How would you describe {one}? / info on {gen} / "
        "Describe {one}. / Could you tell me what {one} {is1}? / What does the word {bare} mean? / define {bare} / "
        "Provide details about {gen}. / Can you comment on {gen}? / Let us talk about {gen}. / I am curious about {gen}.",
        "{definition} / {definition} {fact} / {fact} {definition}",
        "{Adjective}.",
        "💡 ✨ 📖",
        "{gen}",
    ),
    "fact": _intent(
        "Give me a fact about {gen}. / Tell me a fun fact about {gen}. / What is interesting about {gen}? / Do you know a fact about {gen}? / "
        "Surprise me with something about {gen}. / What should I know about {gen}? / Tell me three things about {gen}. / "
        "tell me more about {gen} / what is cool about {gen} / any facts about {gen}",
        "{fact} / {fact} {definition}",
        "{Adjective}.",
        "🤓 💡 ✨",
        "facts about {gen}",
    ),
    "trait": _intent(
        "{Be} {gen} {adjective}? / Why {be} {gen} so {adjective}? / {Is1} {one} really {adjective}? / what makes {gen} so {adjective} / "
        "People say {gen} {be} {adjective}.",
        "Yes, {gen} {be} {adjective}. {fact} / {Gen} {be} {adjective}. {fact}",
        "Yes, {adjective}.",
        "👍 ✅",
        "the nature of {gen}",
    ),
    "poem": _intent(
        "Write a poem about {gen}. / Sing a song about {gen}. / Can you write a poem about {one}? / make a rhyme about {gen} / "
        "Write a short verse on {gen}. / I need a poem about {gen}.",
        "Oh {gen}, oh {gen}, you make my day, I hope that you will always stay. / "
        "I think of {gen} by day and night, {they} always make my world so bright.",
        "Oh {gen}!",
        "📝 🎶",
        "a poem about {gen}",
    ),
    "story": _intent(
        "Tell me a story about {one}. / Write a short story about {gen}. / I want a story with {one}. / "
        "tell my kids a bedtime story about {one}",
        "Once upon a time a child learned about {gen}. {fact} The child smiled and slept well.",
        "Once upon a time.",
        "📖 🌙",
        "a story about {gen}",
    ),
    "said": _intent(
        "I was thinking about {gen} today. / My friend talked about {gen}. / We talked about {gen} at school. / "
        "I read something about {gen}. / My daughter keeps asking about {gen}. / I had a dream about {gen}. / "
        "everyone is talking about {gen} / my teacher told us about {gen} / there was something about {gen} on TV / "
        "I saw a video about {gen}.",
        "That is interesting. {fact} / Good topic. {definition}",
        "How interesting.",
        "💬 😊",
        "{gen}",
    ),
    "odd": _intent(
        "How many {gen} are there in the world? / What is the biggest {bare} ever? / Who is the most famous {bare}? / "
        "what would happen without {gen} / Why do we call it {bare}? / what do {gen} have to do with me / "
        "Is there {one} on the moon? / Which color {is1} {one}? / how heavy {is1} {one} / How old {is1} {one}? / "
        "What will happen to {gen} in the future? / Can I take {one} to work? / Should I bring {one} tomorrow? / "
        "Does my boss like {gen}? / what rhymes with {bare} / how do you spell {bare} in French / who knows most about {gen} / "
        "Is {one} better in the morning or in the evening? / when did people first see {one} / How long does {one} last? / "
        "what is the opposite of {one} / should kids know about {gen}",
        "I am not sure about that. {fact} / I do not know that, but here is what I know. {definition} / "
        "That is hard to say. {fact}",
        "I am not sure.",
        "🤔 🤷 ❓",
        "{gen}",
    ),
}

LIKED: dict[str, Intent] = {
    "like": _intent(
        "Do you like {gen}? / What do you think of {gen}? / Do you love {gen}? / Are you a fan of {gen}? / How do you feel about {gen}? / "
        "What is your opinion on {gen}? / do u like {gen} / what do you think about {gen} / {Be} {gen} good?",
        "Yes, I like {gen} a lot. {fact} / I think {gen} {be} great. {fact} / Yes, {gen} {be} {adjective} and I like that.",
        "Yes, I do.",
        "❤️ 😊 👍",
        "my feelings about {gen}",
    ),
    "love": _intent(
        "I love {gen}. / I really like {gen}! / {Gen} {be} my favorite. / I am a big fan of {gen}. / {gen} {be} the best / "
        "I cannot live without {gen}. / we all love {gen} here / my kids love {gen}",
        "That is great. {fact} / I like {gen} too. {fact}",
        "I like {them} too.",
        "❤️ 😍 🎉",
        "your love of {gen}",
    ),
    "hate": _intent(
        "I hate {gen}. / I do not like {gen}. / {Gen} {be} terrible. / I am afraid of {gen}. / {gen} {be} so boring / I am sick of {gen}.",
        "I understand, not everybody likes {gen}. {fact} / That is okay. {fact}",
        "That is okay.",
        "😕 🙁 🤝",
        "your dislike of {gen}",
    ),
}

BUYABLE: dict[str, Intent] = {
    "buy": _intent(
        "Where can I buy {one}? / Where can I get {gen}? / Can you sell me {one}? / I want to buy {one}. / where do they sell {gen} / "
        "Which shop has {gen}? / I need {one}. / we ran out of {gen}",
        "You can look for {gen} in a shop near you. / Ask in a local shop for {gen}.",
        "In a shop.",
        "🛒 🏪",
        "buying {gen}",
    ),
    "price": _intent(
        "How much {does1} {one} cost? / What is the price of {one}? / {Be} {gen} expensive? / What do {gen} cost? / "
        "how much for {one} / {be} {gen} cheap",
        "I do not know the price of {gen}, so compare a few shops. / The price of {gen} changes from shop to shop.",
        "It depends.",
        "💰 💵 🤷",
        "the price of {gen}",
    ),
    "invent": _intent(
        "Who invented {gen}? / When {be} {gen} from? / What is the history of {gen}? / who made the first {bare} / "
        "Where do {gen} come from?",
        "I do not know who first thought of {gen}. {fact} / The story of {gen} is long. {definition}",
        "I do not know.",
        "📜 🤷 🕰️",
        "the history of {gen}",
    ),
    "got": _intent(
        "I bought {one}. / My mother gave me {one}. / I have {one} at home. / Look, I found {one}! / my roommate has {one} / "
        "I got {one} for my birthday. / Someone stole my {bare}. / I dropped my {bare}.",
        "Thank you for telling me. {fact} / I see. {fact}",
        "I see.",
        "😊 👀",
        "your {bare}",
    ),
}

BY_KIND: dict[str, dict[str, Intent]] = {
    "animal": {
        "home": _intent(
            "Where do {gen} live? / Where does {one} live? / What is the home of {one}? / Where can I find {gen}? / Where would I see {one}? / "
            "where do {gen} sleep / in which place do {gen} live",
            "{Gen} live {home}. / You can find {gen} {home}.",
            "{Home}.",
            "🏠 📍",
            "the home of {gen}",
        ),
        "eats": _intent(
            "What do {gen} eat? / What does {one} eat? / What is the favorite food of {gen}? / What should I feed {one}? / How do I feed {gen}? / "
            "what can i feed my {bare} / my {bare} is hungry",
            "{Gen} like to eat {eats}. / {One} eats {eats}.",
            "{Eats}.",
            "🍽️ 😋",
            "the food of {gen}",
        ),
        "pet": _intent(
            "Can I pet {one}? / Is it okay to touch {one}? / May I hug {one}? / Can I keep {one} as a pet? / Do {gen} make good pets? / "
            "Should I get {one}? / I want {one} as a pet. / can i ride {one} / {Be} {gen} dangerous? / Are {gen} friendly?",
            "Be gentle and ask first, because {gen} are {adjective}. / Be careful with {gen}. {fact}",
            "Be gentle.",
            "✋ ❤️ ⚠️",
            "keeping {gen}",
        ),
        "care": _intent(
            "How do I take care of {one}? / My {bare} is sick, what should I do? / How should I look after {one}? / What does {one} need? / "
            "my {bare} will not eat / My {bare} ran away! / my {bare} keeps making noise, any ideas? / How do I train my {bare}? / "
            "there is {one} in my garden, what now / My {bare} looks sad. / my neighbor's {bare} is loud / "
            "how can i make my {bare} happy / My {bare} is scratching everything.",
            "Stay calm and give your {bare} water, rest and {eats}. / {One} needs care, fresh water and {eats}. Ask a vet if you worry.",
            "Care and food.",
            "💧 ❤️ 🩺",
            "the care of {gen}",
        ),
        "saw": _intent(
            "I saw {one} today. / I just met {one}! / There was {one} in the park. / look at that {bare} / I found {one} on my way home. / "
            "we watched {gen} at the zoo / my son drew {one}",
            "How nice to see {one}! {fact} / That sounds exciting. {fact}",
            "How nice!",
            "👀 😍 📸",
            "seeing {gen}",
        ),
    },
    "food": {
        "taste": _intent(
            "What do {gen} taste like? / How {does1} {one} taste? / {Be} {gen} tasty? / What is the taste of {gen}? / {be} {gen} {taste}",
            "{Gen} {taste_verb} {taste}. / {Gen} {be} {taste} and tasty.",
            "{Taste}.",
            "😋 👅",
            "the taste of {gen}",
        ),
        "made": _intent(
            "How do I make {gen}? / How do you prepare {one}? / Give me a recipe for {gen}. / What can I cook with {gen}? / "
            "I want to make {gen}. / how to cook {gen} / Provide detailed instructions for making {gen}. / recipe for {gen} please / "
            "how do i make good {gen} / Teach me to make {gen}. / how long does it take to make {gen} / I want to make {gen} for my mother.",
            "Take good {bare}, {made} and enjoy. / It is easy. Prepare it with care, {made} and serve it with {goes_with}.",
            "Just {made}.",
            "👩‍🍳 🍳 🍽️",
            "making {gen}",
        ),
        "goes": _intent(
            "What goes well with {gen}? / What should I serve with {gen}? / What can I add to {gen}? / what goes with {gen} / "
            "What do people eat with {gen}?",
            "{Gen} {go} well with {goes_with}. / Try {gen} with {goes_with}.",
            "{Goes_with}.",
            "👌 😋",
            "serving {gen}",
        ),
        "healthy": _intent(
            "{Be} {gen} healthy? / Is it good to eat {gen}? / Should I have {gen} every day? / {Be} {gen} bad for me? / Can I have {gen}? / "
            "can my dog have {gen} / Is it ok to have {gen} for breakfast? / Can I have {gen} for dinner? / {be} {gen} good for kids / "
            "Is it fine to have {gen} at night? / will {gen} make me fat / How much {bare} is too much?",
            "{Gen} {be} fine if you do not have too much. / Enjoy {gen}, but keep your meals balanced.",
            "In small amounts.",
            "👍 💪 ⚖️",
            "eating {gen}",
        ),
        "hungry": _intent(
            "I want {gen}. / I am hungry for {gen}. / I had {gen} for lunch. / I just ate too much {bare}. / we are having {gen} tonight / "
            "My kids only want {gen}. / craving {gen} right now / can you bring me {gen} / My {bare} is burnt. / Should I order {gen}?",
            "{Gen} {be} {taste}, so enjoy. {fact} / That sounds tasty. {fact}",
            "Enjoy!",
            "😋 🤤 🍴",
            "having {gen}",
        ),
    },
    "place": {
        "where": _intent(
            "Where is {one}? / Where can I find {one}? / In which place is {one}? / How do I get to {one}? / how far is {one} / "
            "which country is {one} in / Where exactly is {one}?",
            "You can find {one} in {where}. / {One} is in {where}.",
            "In {where}.",
            "📍 🗺️",
            "the way to {one}",
        ),
        "see": _intent(
            "What can I see in {one}? / What should I visit in {one}? / What is there to do in {one}? / What is {one} famous for? / "
            "what to do in {one} / best things in {one} / One day in {one}, what should I do?",
            "In {one} you should see {see}. / {One} is known for {see}.",
            "{See}.",
            "👀 📸",
            "the sights of {one}",
        ),
        "trip": _intent(
            "Plan a trip to {one}. / Plan a family road trip to {one}. / I want to go to {one}. / Help me plan a weekend in {one}. / "
            "What should I pack for {one}? / I am going to {one} next week! / We are flying to {one} tomorrow. / "
            "how do i travel to {one} / Plan a holiday in {one} for me. / i am on my way to {one} / we are at {one} now",
            "Pack your bag, go to {one} and enjoy {see}. / Day one, travel to {one}. Day two, see {see}. Day three, rest.",
            "Pack and go.",
            "🚗 🧳 🏨",
            "a trip to {one}",
        ),
        "nice": _intent(
            "Is {one} nice? / Is {one} worth a visit? / Should I move to {one}? / Do people like {one}? / Is {one} dangerous? / is {one} good for kids / "
            "Have you been to {one}? / i live in {one} / I was born in {one}. / my family is in {one}",
            "Many people like {one} because of {see}. / {One} is {adjective}, and you can enjoy {see}.",
            "It is {adjective}.",
            "👍 😍",
            "visiting {one}",
        ),
        "weather": _intent(
            "How is the weather in {one}? / Is it hot in {one}? / When is the best time to visit {one}? / will it rain in {one}",
            "The weather in {one} changes, so check before you go. / Spring is often a good time for {one}.",
            "It changes.",
            "🌤️ 🌡️",
            "the weather in {one}",
        ),
    },
    "activity": {
        "need": _intent(
            "What do I need for {gen}? / What equipment do I need for {gen}? / What should I buy for {gen}? / what do i bring to {gen}",
            "For {gen} you need {need}. / You only need {need} for {gen}.",
            "{Need}.",
            "🛍️ 🧰",
            "the things for {gen}",
        ),
        "how": _intent(
            "How can I start with {gen}? / How do I learn {gen}? / How can I get better at {gen}? / Teach me {gen}. / tips for {gen} / "
            "How does {one} work? / What are the rules of {gen}? / i am bad at {gen} / how do i do {gen} / "
            "I want to try {gen}. / my first time {gen} tomorrow, any advice / Help me with {gen}.",
            "Get {need}, {how} and practice often. / Start slowly, {how} and have fun.",
            "Practice.",
            "📈 💪",
            "learning {gen}",
        ),
        "good": _intent(
            "Is {one} good for me? / Is {one} fun? / Why do people enjoy {gen}? / Should I try {gen}? / is {one} hard / Is {one} dangerous? / "
            "Is {one} a good hobby? / is {one} for old people too / Should my kids do {gen}?",
            "Yes, {gen} {be} {adjective}, and many people enjoy {them}. / {Gen} can be good for you. {fact}",
            "Yes, try {them}.",
            "👍 😄",
            "the joy of {gen}",
        ),
        "where": _intent(
            "Where can I do {gen}? / Where do people do {gen}? / best place for {gen} / Is there a place for {gen} near me?",
            "You can do {them} {where}. / People enjoy {gen} {where}.",
            "{Where}.",
            "📍 🗺️",
            "a place for {gen}",
        ),
        "did": _intent(
            "I did {gen} yesterday. / We are planning {gen} this weekend. / My brother is into {gen}. / {gen} today was fun / "
            "I have {gen} tonight. / my daughter started {gen} / I am tired after {gen}. / i won at {gen}",
            "That sounds fun. {fact} / Good for you! {fact}",
            "Sounds fun.",
            "🎉 😄",
            "your {bare}",
        ),
    },
    "job": {
        "does": _intent(
            "What does {one} do? / What is the job of {one}? / Describe the work of {one}. / What do {gen} do all day? / why do we need {gen}",
            "{One} {does}. / {One} is often {where} and {does}.",
            "{Does}.",
            "💼 🛠️",
            "the work of {gen}",
        ),
        "where": _intent(
            "Where does {one} work? / Where can I find {one}? / Where are {gen} all day?",
            "You can find {one} {where}. / {Gen} are often {where}.",
            "{Where}.",
            "📍",
            "the place of {gen}",
        ),
        "become": _intent(
            "How do I become {one}? / I want to be {one}. / Should I become {one}? / What do I study to become {one}? / "
            "my son wants to be {one} / I will be {one} soon! / Is it hard to be {one}? / Do {gen} earn much money?",
            "It takes work and patience to be {one}. {fact} / Learn a lot and practice. {One} {does}.",
            "Study hard.",
            "🎓 📈",
            "becoming {one}",
        ),
        "met": _intent(
            "I met {one} today. / My {bare} is nice. / My {bare} is angry with me. / I miss my {bare}. / my {bare} is visiting tomorrow / "
            "What should I give my {bare}? / I had a fight with my {bare}. / my {bare} does not listen to me",
            "Talk openly with your {bare} and be kind. / I see. Remember that {one} {does}.",
            "Be kind.",
            "💬 🤝 ❤️",
            "your {bare}",
        ),
    },
    "thing": {
        "use": _intent(
            "What can I do with {one}? / What {be} {gen} for? / How do I use {one}? / Why do I need {one}? / What is the use of {one}? / "
            "how {does1} {one} work / what do people use {gen} for / Do I need {one}? / Is {one} useful?",
            "You can use {one} to {use}. / With {one} you can {use}.",
            "To {use}.",
            "👉 ✅",
            "the use of {gen}",
        ),
        "found": _intent(
            "Where do I find {one}? / Where is my {bare}? / I lost my {bare}. / where do people keep {gen} / cant find my {bare} / "
            "Where should I put my {bare}? / Have you seen my {bare}?",
            "You often find {gen} {found}. / Look {found} first.",
            "{Found}.",
            "📍 🔍",
            "the place of {gen}",
        ),
        "fix": _intent(
            "How do I fix {one}? / My {bare} is broken. What should I do? / my {bare} does not work / How do I clean {one}? / "
            "my {bare} is making a strange noise / My {bare} is dirty. / help my {bare} broke / My {bare} is so slow. / my {bare} is too old",
            "Stay calm, look closely at the {bare} and ask someone for help. / Check the {bare} first, then clean it or take it to a shop.",
            "Check it first.",
            "🔧 🤔 🧽",
            "fixing {gen}",
        ),
        "choose": _intent(
            "How do I choose {one}? / Which {bare} should I buy? / What makes a good {bare}? / which {bare} is best / I need a new {bare}. / "
            "Can you recommend {one}? / Is {one} a good gift?",
            "A good {bare} is simple, strong and helps you to {use}. / Pick {one} that you like and that helps you to {use}.",
            "A simple one.",
            "🛒 👍",
            "choosing {one}",
        ),
    },
    "nature": {
        "where": _intent(
            "Where can I see {gen}? / Where do I find {one}? / Where {be} {gen}? / best place to see {gen}",
            "You can find {gen} {where}. / Look for {gen} {where}.",
            "{Where}.",
            "📍 🔭",
            "the place of {gen}",
        ),
        "look": _intent(
            "What does {one} look like? / How does {one} feel? / Is {one} beautiful? / What color is {one}? / how do i take a picture of {one} / "
            "What should I do when I see {one}? / Is {one} dangerous? / Why do people like {gen}?",
            "{One} is {adjective}. {fact} / Take your time and look, because {gen} {be} {adjective}.",
            "{Adjective}.",
            "👀 📸",
            "the look of {gen}",
        ),
        "saw": _intent(
            "The {bare} looks great today. / I can see {one} from my window. / There is {one} outside. / we had {gen} yesterday / "
            "look at the {bare} / I like to watch {gen}. / how does {one} form / what causes {gen} / should I go out in {gen}",
            "Enjoy it. {fact} / That is nice. {fact}",
            "Enjoy it.",
            "😍 👀",
            "watching {gen}",
        ),
    },
    "idea": {
        "why": _intent(
            "Why is {one} important? / Why do people care about {gen}? / Do we need {gen}? / What is good about {gen}? / "
            "why does {one} matter / What is the point of {gen}? / Why do people need {gen}? / why do we have {gen}",
            "{One} matters because {why}. / It is important because {why}.",
            "Because {why}.",
            "👍 ✨",
            "the value of {gen}",
        ),
        "advice": _intent(
            "How can I find {gen}? / How do I deal with {gen}? / What should I do about {gen}? / Give me advice about {gen}. / "
            "i need help with {gen} / I worry about {gen}. / How can I learn about {gen}? / any tips on {gen} / "
            "I want more {bare} in my life. / how do i handle {gen} / I feel {bare} today. / too much {bare} in my life / "
            "How can I get better at {gen}? / my kid struggles with {gen}",
            "{advice} / {advice} Remember, {why}.",
            "Step by step.",
            "👣 🧭",
            "advice about {gen}",
        ),
        "think": _intent(
            "What do you think about {gen}? / What is your opinion on {gen}? / Is {one} good or bad? / do you believe in {gen} / "
            "Do you like {gen}? / is {one} overrated / Can you comment on {gen}? Tell me something about it?",
            "I think {one} is worth talking about, because {why}. / {One} can be {adjective}. {fact}",
            "It matters.",
            "🤔 💬",
            "my opinion on {gen}",
        ),
    },
    "health": {
        "why": _intent(
            "Why do people get {gen}? / What causes {gen}? / Why do I have {one}? / Why do we have {gen}? / how {does1} {one} work / "
            "why is {one} important",
            "It is because {why}. / That happens because {why}.",
            "Because {why}.",
            "🔬 💡",
            "the cause of {gen}",
        ),
        "advice": _intent(
            "I have {one}. / What helps against {gen}? / What should I do about my {bare}? / My {bare} hurts. / How do I treat {one}? / "
            "my kid has {one} / i got {one} again / How do I take care of my {bare}? / How can I get rid of {gen}? / "
            "my {bare} is bad today, what can i do / Something is wrong with my {bare}. / tips for {gen} / Should I worry about {gen}?",
            "{advice} / {advice} See a doctor if it does not get better.",
            "Rest well.",
            "💊 🩺 🛌",
            "help with {gen}",
        ),
    },
}

LIKED_KINDS = ("animal", "food", "place", "activity", "thing", "nature")
BUYABLE_KINDS = ("food", "thing")


def intents_of(kind: str) -> dict[str, Intent]:
    """All intents of a kind of topic, by name; the kind's own come first."""
    intents = dict(BY_KIND[kind])
    intents.update(COMMON)
    if kind in LIKED_KINDS:
        intents.update(LIKED)
    if kind in BUYABLE_KINDS:
        intents.update(BUYABLE)
    return intents

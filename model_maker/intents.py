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
        "Provide details about {gen}. / Can you comment on {gen}? / Let us talk about {gen}. / I am curious about {gen}. / "
        "my son asked me about {gen}, what do I say / I have to write a page about {gen} for school. / I have never heard of "
        "{gen}. What {be} {they}? / so what {be} {gen} then / in short, what {is1} {one} / What would you say about {gen}? / what about {gen} / hey can you tell me a bit about {gen} / Could you please explain {gen}? / I do not really get {gen}. Can "
        "you explain? / I know nothing about {gen}. / my grandmother wants to know what {one} {is1} / I keep hearing about "
        "{gen}. Can you explain? / Give me a short text about {gen}. / Our homework is about {gen}. / help me understand "
        "{gen} / can we talk about {gen} / I would like to hear about {gen}, please. / {Gen}, what {be} {they}? / I wonder "
        "about {gen}. / got anything on {gen} / a child asked me what {one} {is1} / Help me explain {gen} to my kids. / what "
        "do people mean by {bare} / just the basics about {gen} please / My wife said {bare} and I did not know the word. / "
        "Tell us about {gen}, the kids are listening. / I forgot what {one} {is1}. / say something about {gen} / In simple "
        "words, what {be} {gen}?",
        "{definition} / {definition} {fact} / {fact} {definition}",
        "{Adjective}.",
        "💡 ✨ 📖",
        "{gen}",
    ),
    "fact": _intent(
        "Give me a fact about {gen}. / Tell me a fun fact about {gen}. / What is interesting about {gen}? / Do you know a fact about {gen}? / "
        "Surprise me with something about {gen}. / What should I know about {gen}? / Tell me three things about {gen}. / "
        "tell me more about {gen} / what is cool about {gen} / any facts about {gen} / "
        "i need a fact about {gen} for school / Tell me something new about {gen}. / I bet you know something about {gen}. / "
        "Do you have a fun fact? Something with {gen}, please. / My son loves facts about {gen}. / what can I tell my friends "
        "about {gen} / Go on, say something smart about {gen}. / Something surprising about {gen}, please. / what do most "
        "people not know about {gen} / I am bored. Tell me about {gen}. / quick fact about {gen} / what else about {gen} / "
        "Give me another one about {gen}. / what is good to know about {gen}",
        "{fact} / {fact} {definition}",
        "{Adjective}.",
        "🤓 💡 ✨",
        "facts about {gen}",
    ),
    "trait": _intent(
        "{Be} {gen} {adjective}? / Why {be} {gen} so {adjective}? / {Is1} {one} really {adjective}? / what makes {gen} so {adjective} / "
        "People say {gen} {be} {adjective}. / "
        "I think {gen} {be} {adjective}. / My friend says {gen} {be} {adjective}. Is that true? / {gen} {be} so {adjective} / "
        "I heard that {gen} {be} {adjective}. / Am I right that {gen} {be} {adjective}? / wow, {gen} {be} really {adjective} "
        "/ Would you call {gen} {adjective}? / {gen} {be} {adjective}, right / My son says {gen} {be} {adjective}. / i did "
        "not know that {gen} {be} {adjective} / Everybody tells me {gen} {be} {adjective}.",
        "Yes, {gen} {be} {adjective}. {fact} / {Gen} {be} {adjective}. {fact}",
        "Yes, {adjective}.",
        "👍 ✅",
        "the nature of {gen}",
    ),
    "poem": _intent(
        "Write a poem about {gen}. / Sing a song about {gen}. / Can you write a poem about {one}? / make a rhyme about {gen} / "
        "Write a short verse on {gen}. / I need a poem about {gen}. / "
        "roses are red, now one about {gen} / Can you rhyme something with {gen}? / my teacher wants a poem about {gen} / A "
        "few lines about {gen}, please. / I want a song about {gen}. / be a poet and write about {gen} / sing something about "
        "{gen} for my baby / It is my turn to read a poem. Make one about {gen}. / a little poem with {gen} in it / Say "
        "something sweet about {gen}. / do you know a poem about {gen}",
        "Oh {gen}, oh {gen}, you make my day, I hope that you will always stay. / "
        "I think of {gen} by day and night, {they} always make my world so bright.",
        "Oh {gen}!",
        "📝 🎶",
        "a poem about {gen}",
    ),
    "story": _intent(
        "Tell me a story about {one}. / Write a short story about {gen}. / I want a story with {one}. / "
        "tell my kids a bedtime story about {one} / "
        "My daughter cannot sleep. A story about {one}? / Make up a story about {gen}. / i want to hear a story about {one} / "
        "Invent a tale with {one} in it. / story time, today with {one} / Can you tell a story about {gen}, please? / Begin a "
        "story with {one}. / a short story about {gen} for the kids / read me a story about {gen} / do you know a story about "
        "{one}",
        "Once upon a time a child learned about {gen}. {fact} The child smiled and slept well.",
        "Once upon a time.",
        "📖 🌙",
        "a story about {gen}",
    ),
    "said": _intent(
        "I was thinking about {gen} today. / My friend talked about {gen}. / We talked about {gen} at school. / "
        "I read something about {gen}. / My daughter keeps asking about {gen}. / I had a dream about {gen}. / "
        "everyone is talking about {gen} / my teacher told us about {gen} / there was something about {gen} on TV / "
        "I saw a video about {gen}. / "
        "I just learned something about {gen}. / my son asked me about {gen} today / {gen} came up at dinner / I wrote a "
        "paper about {gen}. / There was a lesson about {gen} today. / I watched a film about {gen} last night. / i have been "
        "reading about {gen} all day / My coworker would not stop talking about {gen}. / I heard about {gen} on the radio. / "
        "Grandpa told us about {gen}. / I must give a talk about {gen} tomorrow. / we argued about {gen} / I cannot stop "
        "thinking about {gen}. / The book I am reading is about {gen}.",
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
        "what is the opposite of {one} / should kids know about {gen} / "
        "what did people a thousand years ago think of {gen} / Which famous person likes {gen}? / What does my neighbor think "
        "about {gen}? / what is the word for {bare} in Chinese / How do you say {bare} in Spanish? / where does the word "
        "{bare} come from / who said the best thing about {gen} / What did the newspaper write about {gen} today? / what was "
        "the first book about {gen} / How many songs are there about {gen}? / Which day is best for {gen}? / Are there any "
        "laws about {gen}? / What does science say about {gen}? / how many people search for {gen} every day / Did my sister "
        "tell you about {gen}? / Any news about {gen}? / what is new with {gen} / is there anything about {gen} on TV tonight "
        "/ Who knows more about {gen}, you or my teacher? / What will {gen} be like in a hundred years? / how many words "
        "rhyme with {bare}",
        "I am not sure about that. {fact} / I do not know that, but here is what I know. {definition} / "
        "That is hard to say. {fact}",
        "I am not sure.",
        "🤔 🤷 ❓",
        "{gen}",
    ),
    "manner": _intent(
        "Describe {gen} in one word. / which word fits {gen} best / one word for {gen}, please / what {is1} {one} like / I "
        "need an adjective for {gen}. / What {be} {gen} like? / How would you describe {gen} in a word? / my teacher wants "
        "one word that fits {gen} / what word comes to mind with {gen} / say in one word what {gen} {be} like",
        "I would say {adjective}. {fact} / One word for {gen} is {adjective}.",
        "{Adjective}.",
        "💬 ✨",
        "a word for {gen}",
    ),
    "child": _intent(
        "Can kids learn about {gen}? / My son is four. Can I tell him about {gen}? / How do I tell my kids about {gen}? / "
        "what can I teach a child about {gen} / I teach small children. How do I begin with {gen}? / my class asks about "
        "{gen} / tell my little girl about {gen} / how can a child understand {gen} / The kids have questions about {gen}. / "
        "what do I say when a child asks about {gen}",
        "Use simple words, like this. {definition} / You can tell a child this. {fact}",
        "Use simple words.",
        "🧒 📖",
        "telling children about {gen}",
    ),
    "draw": _intent(
        "can you draw {one} / Show me a picture of {one}. / How do I draw {gen}? / I want to draw {one}. Any help? / do you "
        "have a photo of {one} / send me a picture of {gen} / Is there a picture of {gen}? / my daughter wants to paint {one} "
        "/ Paint {one} for me. / i need an image of {one} / please make a picture with {gen} / Draw {gen}.",
        "I only know words and no pictures. {definition} / I only have words, so here is a fact. {fact}",
        "I only have words.",
        "🎨 🖼️ ✏️",
        "a picture of {gen}",
    ),
    "spell": _intent(
        "How do you spell {bare}? / spell {bare} / how is {bare} written / what is the right spelling of {bare} / I wrote "
        "{bare}. Is that correct? / can you write the word {bare} / My son wants to write {bare}. / Did I spell {bare} right? "
        "/ how do i write {bare} / Please spell {bare} for me.",
        "You write it as {bare}. / The right spelling is {bare}.",
        "{Bare}.",
        "✍️ 🔤",
        "the spelling of {bare}",
    ),
    "joke": _intent(
        "Tell me a joke about {gen}. / make me laugh with {one} / Do you know a joke with {one}? / a joke about {gen} please "
        "/ say something funny about {gen} / I need a good joke about {gen} for a party. / What is funny about {gen}? / got "
        "any jokes on {gen} / My kids want a joke about {gen}. / be funny about {gen}",
        "I know no good joke about {gen}, but I know this. {fact} / My jokes about {gen} are bad, so take this. {definition}",
        "No joke today.",
        "😄 😂 🤷",
        "a joke about {gen}",
    ),
    "know": _intent(
        "How do you know about {gen}? / Do you really know anything about {gen}? / Have you ever heard of {gen}? / are you an "
        "expert on {gen} / How much do you know about {gen}? / Can I ask you about {gen}? / you know {gen}, right / May I ask "
        "you something about {gen}? / did you learn about {gen} / are you sure you know {gen} / my friend says you know a lot "
        "about {gen}",
        "I know a little about {gen}. {definition} / I have learned this. {fact}",
        "A little.",
        "🤓 📚",
        "what I know about {gen}",
    ),
    "compare": _intent(
        "How {is1} {one} different from other things? / what can I compare {gen} to / what {is1} {one} similar to / Is there "
        "anything like {one}? / what is like {one} / How do I tell {one} from something else? / {gen} or something else / is "
        "there something better than {gen} / Are there other things like {gen}?",
        "Think of this first. {definition} / It is hard to compare {gen}. {fact}",
        "It is hard to say.",
        "🤔 ⚖️",
        "a comparison with {gen}",
    ),
    "quiz": _intent(
        "Ask me something about {gen}. / Test me on {gen}. / I know all about {gen}. Try me. / make a quiz about {gen} / give "
        "me a question about {gen} / I have a test on {gen} tomorrow. / let us play a quiz about {gen} / can you test what I "
        "know about {gen} / we need a quiz question on {gen}",
        "Here is one. Do you know this? {fact} / What do you know about {gen}? I know this. {definition}",
        "Do you know this?",
        "❓ 🤓",
        "a quiz about {gen}",
    ),
    "start": _intent(
        "I need help. It is about {gen}. / can you help me with {gen} / I have a problem with {one}. / I do not understand "
        "{gen}. / Question about {gen}, can you help? / where do I begin with {gen} / Everything about {gen} is new to me. / "
        "i am lost with {gen} / we have to talk about {gen} / Got a minute? It is about {gen}. / it is about {gen}",
        "I can tell you what I know. {definition} / Let us begin here. {fact}",
        "Let us begin.",
        "🤝 💡",
        "help with {gen}",
    ),
}

LIKED: dict[str, Intent] = {
    "like": _intent(
        "Do you like {gen}? / What do you think of {gen}? / Do you love {gen}? / Are you a fan of {gen}? / How do you feel about {gen}? / "
        "What is your opinion on {gen}? / do u like {gen} / what do you think about {gen} / {Be} {gen} good? / "
        "honestly, do you like {gen} / I like {gen}. Do you? / would you say {gen} {be} great / My wife says {gen} {be} "
        "great. What do you say? / {gen}, yes or no / {be} {gen} your thing / How much do you like {gen}? / what is your view "
        "of {gen} / Tell me what you think of {gen}. / do you enjoy {gen} / {gen}, good or bad / Are you into {gen}? / My "
        "kids ask if you like {gen}. / what about {gen}, do you like {them}",
        "Yes, I like {gen} a lot. {fact} / I think {gen} {be} great. {fact} / Yes, {gen} {be} {adjective} and I like that.",
        "Yes, I do.",
        "❤️ 😊 👍",
        "my feelings about {gen}",
    ),
    "love": _intent(
        "I love {gen}. / I really like {gen}! / {Gen} {be} my favorite. / I am a big fan of {gen}. / {gen} {be} the best / "
        "I cannot live without {gen}. / we all love {gen} here / my kids love {gen} / "
        "nothing beats {gen} / I am so happy with {gen}. / Nothing makes me as happy as {gen}. / {gen} {be} wonderful / I "
        "cannot get enough of {gen}. / My son is crazy about {gen}. / i like {gen} more than anything / Hooray for {gen}! / I "
        "could talk about {gen} all day. / yay {gen} / My whole family loves {gen}. / there is nothing better than {gen} / my "
        "day is better with {gen} / {gen} {be} so cool",
        "That is great. {fact} / I like {gen} too. {fact}",
        "I like {them} too.",
        "❤️ 😍 🎉",
        "your love of {gen}",
    ),
    "hate": _intent(
        "I hate {gen}. / I do not like {gen}. / {Gen} {be} terrible. / I am afraid of {gen}. / {gen} {be} so boring / I am sick of {gen}. / "
        "{gen} {be} awful / not a fan of {gen} / I never liked {gen}. / ugh, {gen} / please no more {gen} / I cannot stand "
        "{gen}. / {Gen} {be} not for me. / my sister hates {gen} / No {gen} for me, thank you. / I have had enough of {gen}. "
        "/ To be honest, I do not care for {gen}. / why do people like {gen}? I do not",
        "I understand, not everybody likes {gen}. {fact} / That is okay. {fact}",
        "That is okay.",
        "😕 🙁 🤝",
        "your dislike of {gen}",
    ),
    "best": _intent(
        "what do you like most about {gen} / What is the best thing about {gen}? / Why do you like {gen}? / what do people "
        "love about {gen} / Why {be} {gen} so popular? / what is so great about {gen} / Why does everybody like {gen}? / tell "
        "me one good thing about {gen} / {Be} {gen} your favorite? / my brother loves {gen} and I do not know why / what is "
        "good about {gen}",
        "Many people find {them} {adjective}. {fact} / I like this most. {fact}",
        "{They} {be} {adjective}.",
        "❤️ 👍 ✨",
        "the best of {gen}",
    ),
}

BUYABLE: dict[str, Intent] = {
    "buy": _intent(
        "Where can I buy {one}? / Where can I get {gen}? / Can you sell me {one}? / I want to buy {one}. / where do they sell {gen} / "
        "Which shop has {gen}? / I need {one}. / we ran out of {gen} / "
        "we are out of {gen} / I want {one} today. Where do I go? / who sells {gen} / is there a shop for {gen} / my mother "
        "needs {gen} / I would like to buy {gen}, please. / do you sell {gen} / where do people get {gen} / I have to get "
        "{gen} tonight. / there is no {bare} left at home / where can I find {gen} in the store / My son wants {one}. Where "
        "do I get {gen}?",
        "You can look for {gen} in a shop near you. / Ask in a local shop for {gen}.",
        "In a shop.",
        "🛒 🏪",
        "buying {gen}",
    ),
    "price": _intent(
        "How much {does1} {one} cost? / What is the price of {one}? / {Be} {gen} expensive? / What do {gen} cost? / "
        "how much for {one} / {be} {gen} cheap / "
        "what would I pay for {gen} / I have ten dollars. Is that enough for {gen}? / {gen} {be} so expensive now / is there "
        "a cheap way to get {gen} / why {do} {gen} cost so much / how much money do I need for {gen} / can I afford {gen} / "
        "Tell me the price of {gen}. / what {is1} {one} worth / Did the price of {gen} go up? / did I pay too much for my "
        "{bare}",
        "I do not know the price of {gen}, so compare a few shops. / The price of {gen} changes from shop to shop.",
        "It depends.",
        "💰 💵 🤷",
        "the price of {gen}",
    ),
    "invent": _intent(
        "Who invented {gen}? / When {be} {gen} from? / What is the history of {gen}? / who made the first {bare} / "
        "Where do {gen} come from? / "
        "where {be} {gen} from / How old {be} {gen}? / who came up with {gen} / How did {gen} begin? / when did people first "
        "have {gen} / what country {do} {gen} come from / My son asked who invented {gen}. / did the Romans have {gen} / "
        "Since when do we have {gen}? / origin of {gen} / how did people get the idea for {gen} / Tell me the history of "
        "{gen}.",
        "I do not know who first thought of {gen}. {fact} / The story of {gen} is long. {definition}",
        "I do not know.",
        "📜 🤷 🕰️",
        "the history of {gen}",
    ),
    "got": _intent(
        "I bought {one}. / My mother gave me {one}. / I have {one} at home. / Look, I found {one}! / my roommate has {one} / "
        "I got {one} for my birthday. / Someone stole my {bare}. / I dropped my {bare}. / "
        "I just got {one}. / my neighbor gave me {one} / We have a lot of {gen} at home. / i took {one} with me / look what I "
        "have, {one} / I saw {one} in a shop today. / there {is1} {one} on my table / I bought {gen} for the whole family. / "
        "My aunt sent me {one}. / somebody left {one} here / I packed {gen} for the trip. / i borrowed {one} from a friend",
        "Thank you for telling me. {fact} / I see. {fact}",
        "I see.",
        "😊 👀",
        "your {bare}",
    ),
    "kinds": _intent(
        "How many kinds of {gen} are there? / what kinds of {gen} are there / Are there different kinds of {gen}? / {be} all "
        "{gen} the same / Which kinds of {gen} do you know? / tell me some kinds of {gen} / is there more than one kind of "
        "{bare} / I did not know there were so many kinds of {gen}. / what types of {gen} do people have",
        "I do not know how many kinds there are. {fact} / I do not know all kinds of {gen}. {definition}",
        "I do not know.",
        "🔢 🤷",
        "kinds of {gen}",
    ),
}

BY_KIND: dict[str, dict[str, Intent]] = {
    "animal": {
        "home": _intent(
            "Where do {gen} live? / Where does {one} live? / What is the home of {one}? / Where can I find {gen}? / Where would I see {one}? / "
            "where do {gen} sleep / in which place do {gen} live / "
            "what kind of place do {gen} like / I want to see {one}. Where should I go? / my son asked me where {gen} live / "
            "where do {gen} make their home / Where would {one} hide? / {gen}, where do they live / Where do I have to look "
            "for {gen}? / do {gen} live in the sea or on land / Where can we go and watch {gen}? / where do {gen} spend the "
            "day / What place do {gen} call home? / tell me where {gen} live please",
            "{Gen} live {home}. / You can find {gen} {home}.",
            "{Home}.",
            "🏠 📍",
            "the home of {gen}",
        ),
        "eats": _intent(
            "What do {gen} eat? / What does {one} eat? / What is the favorite food of {gen}? / What should I feed {one}? / How do I feed {gen}? / "
            "what can i feed my {bare} / my {bare} is hungry / "
            "i have no idea what {gen} eat / my son asked me what {gen} eat / What is a good meal for {one}? / What do {gen} "
            "like best to eat? / food for {gen} / What do people feed {gen}? / my {bare} wants a snack / My {bare} begs for "
            "food. What can I give? / do {gen} eat meat or plants / What do {gen} have for dinner? / i want to give my {bare} "
            "a treat / The kids want to feed {gen}. With what? / is there something {gen} love to eat",
            "{Gen} like to eat {eats}. / {One} eats {eats}.",
            "{Eats}.",
            "🍽️ 😋",
            "the food of {gen}",
        ),
        "pet": _intent(
            "Can I pet {one}? / Is it okay to touch {one}? / May I hug {one}? / Can I keep {one} as a pet? / Do {gen} make good pets? / "
            "Should I get {one}? / I want {one} as a pet. / can i ride {one} / {Be} {gen} dangerous? / Are {gen} friendly? / "
            "my kids want to keep {one} / Do {gen} bite? / Can I pick up {one}? / is it safe to go near {one} / I want to "
            "hold {one}. May I? / my daughter is begging for {one} / Would {one} be a good pet for us? / do {gen} attack "
            "people / What do I do if I meet {one}? / are {gen} good with children / We are thinking of getting {one}. / Can "
            "{one} live in my house? / Is {one} okay for a small child?",
            "Be gentle and ask first, because {gen} are {adjective}. / Be careful with {gen}. {fact}",
            "Be gentle.",
            "✋ ❤️ ⚠️",
            "keeping {gen}",
        ),
        "care": _intent(
            "How do I take care of {one}? / My {bare} is sick, what should I do? / How should I look after {one}? / What does {one} need? / "
            "my {bare} will not eat / My {bare} ran away! / my {bare} keeps making noise, any ideas? / How do I train my {bare}? / "
            "there is {one} in my garden, what now / My {bare} looks sad. / my neighbor's {bare} is loud / "
            "how can i make my {bare} happy / My {bare} is scratching everything. / "
            "my {bare} has been sleeping all day / My {bare} is shaking. What can I do? / I have {one} at home. What now? / "
            "My {bare} limps. Should I worry? / my {bare} drinks a lot / Help, my {bare} is not well. / I found a hurt "
            "{bare}. / what do I need to keep {one} / My {bare} is getting old. / my {bare} is scared of loud noises / I got "
            "{one} yesterday. How do I look after it? / we have a new {bare}, any tips / My {bare} seems bored. / i think my "
            "{bare} has a cold / My {bare} threw up this morning. / my {bare} hides all day",
            "Stay calm and give your {bare} water, rest and {eats}. / {One} needs care, fresh water and {eats}. Ask a vet if you worry.",
            "Care and food.",
            "💧 ❤️ 🩺",
            "the care of {gen}",
        ),
        "saw": _intent(
            "I saw {one} today. / I just met {one}! / There was {one} in the park. / look at that {bare} / I found {one} on my way home. / "
            "we watched {gen} at the zoo / my son drew {one} / "
            "a wild {bare} ran past me / I took a photo of {one}. / {one} looked right at me / We saw {gen} on our trip. / my "
            "kids saw {one} and were so happy / there is {one} in front of my house / guess what, I saw {one} / Last night "
            "{one} was in our garden. / {one} sat next to me today / So many {gen} here today! / on our walk we met {one} / "
            "My son showed me {one}.",
            "How nice to see {one}! {fact} / That sounds exciting. {fact}",
            "How nice!",
            "👀 😍 📸",
            "seeing {gen}",
        ),
        "sound": _intent(
            "What sound does {one} make? / what do {gen} say / How does {one} sound? / what noise do {gen} make / Do {gen} "
            "make any noise? / My son wants to know what {one} says. / Can {gen} talk? / is {one} loud / how do {gen} talk to "
            "each other / make a sound like {one} / my {bare} makes a funny sound",
            "The sound of {one} is hard to write. {fact} / I am not sure how {gen} sound. {definition}",
            "I am not sure.",
            "🔊 👂",
            "the sound of {gen}",
        ),
        "young": _intent(
            "What do you call a baby {bare}? / how many babies does {one} have / Do {gen} lay eggs? / How do {gen} have "
            "babies? / my {bare} is having babies / When do {gen} have babies? / How do {gen} look after their young? / I "
            "found a baby {bare}. / are young {gen} cute / what does a baby {bare} need",
            "I do not know much about baby {gen}. {fact} / A baby {bare} needs food, rest and a safe place.",
            "Food and rest.",
            "🍼 🐣",
            "baby {gen}",
        ),
        "speed": _intent(
            "How fast is {one}? / who is faster, {one} or me / how fast can {gen} go / is {one} slow / what is the top speed "
            "of {one} / Are {gen} fast? / can I run away from {one} / My son says {gen} are very fast. / would {one} win a "
            "race / Can {one} run fast?",
            "I do not know the exact speed of {gen}. {fact} / I have never raced with {one}. {definition}",
            "I do not know.",
            "💨 🏁",
            "the speed of {gen}",
        ),
        "skill": _intent(
            "Can {gen} fly? / Can {gen} swim? / can {one} climb a tree / do {gen} jump / what can {gen} do / can {gen} see in "
            "the dark / Do {gen} hear well? / what are {gen} good at / can you teach {one} tricks / Are {gen} good swimmers? "
            "/ how strong is {one}",
            "I am not sure about that, but I know this. {fact} / This is what I know about {gen}. {definition}",
            "I am not sure.",
            "💪 🤔",
            "what {gen} can do",
        ),
        "size": _intent(
            "How big is {one}? / how tall does {one} get / How big do {gen} grow? / how long is {one} / are {gen} big or "
            "small / Is {one} bigger than me? / what size is {one} / would {one} fit in my car / How much does {one} weigh? / "
            "my {bare} is getting so big",
            "I do not know the exact size of {gen}. {definition} / Some {gen} are bigger than others. {fact}",
            "I do not know.",
            "📏 🤷",
            "the size of {gen}",
        ),
        "rest": _intent(
            "Are {gen} awake at night? / Do {gen} sleep in winter? / how do {gen} sleep / when do {gen} sleep / How long do "
            "{gen} sleep? / What do {gen} do at night? / what do {gen} do all day / is {one} up in the morning / do {gen} "
            "sleep a lot / My son asks if {gen} sleep.",
            "{Gen} live {home} and rest when they need to. / {Gen} rest when they are tired and look for {eats} when they are "
            "hungry.",
            "They rest.",
            "😴 🌙",
            "the day of {gen}",
        ),
        "age": _intent(
            "How old do {gen} get? / how long does {one} live / my {bare} is ten years old / What age can {one} reach? / how "
            "many years does {one} live / do {gen} live long / is my {bare} old / when is {one} grown up / How old can {one} "
            "be?",
            "I do not know how old {gen} get. {fact} / It depends on food, care and luck. {fact}",
            "It depends.",
            "🎂 ⏳",
            "the age of {gen}",
        ),
        "grief": _intent(
            "My {bare} died. / my {bare} passed away last week / We lost our {bare} today. / I miss my old {bare}. / my kids "
            "cry because our {bare} died / I had to say goodbye to my {bare}. / My {bare} is dying. / we buried our {bare} in "
            "the garden / without my {bare} the house is so quiet",
            "I am so sorry about your {bare}. Take your time to be sad. / I am sorry. It is okay to cry and remember your "
            "{bare}.",
            "I am so sorry.",
            "😢 💔 🌈",
            "the loss of your {bare}",
        ),
        "naming": _intent(
            "What should I name my {bare}? / i need a name for my {bare} / Give me a name for {one}. / My new {bare} has no "
            "name yet. / good names for {gen} / what do you call {one} / how should we call our {bare} / My daughter cannot "
            "find a name for her {bare}. / any ideas for a {bare} name",
            "How about Sunny? It is a nice name for {one}. / Pick a short name, such as Coco or Max.",
            "Maybe Sunny.",
            "🏷️ 💡",
            "a name for {one}",
        ),
        "smart": _intent(
            "Are {gen} smart? / how clever are {gen} / can {gen} think / do {gen} have feelings / Do {gen} love people? / "
            "does my {bare} know me / can {gen} learn things / My {bare} understands every word. / are {gen} clever or not",
            "I think {gen} are clever in their own way. {fact} / {Gen} know what they need, such as {eats}.",
            "In their own way.",
            "🧠 💡",
            "the mind of {gen}",
        ),
        "kinds": _intent(
            "How many kinds of {gen} are there? / what kinds of {gen} are there / Are there different kinds of {gen}? / are "
            "all {gen} the same / is there more than one kind of {bare} / which kinds of {gen} do you know / tell me the "
            "kinds of {gen} / Which {bare} is the rarest?",
            "I do not know how many kinds there are. {fact} / I do not know all kinds of {gen}. {definition}",
            "I do not know.",
            "🔢 🤷",
            "kinds of {gen}",
        ),
    },
    "food": {
        "taste": _intent(
            "What do {gen} taste like? / How {does1} {one} taste? / {Be} {gen} tasty? / What is the taste of {gen}? / {be} {gen} {taste} / "
            "I have never tried {gen}. How {do} {they} taste? / {be} {gen} sweet or salty / my son asked what {gen} "
            "{taste_verb} like / what flavor {do} {gen} have / Tell me about the taste of {gen}. / how would you describe the "
            "taste of {gen} / will I like the taste of {gen} / {be} {gen} spicy / never had {gen}, good? / {be} {gen} yummy / "
            "Do kids like the taste of {gen}?",
            "{Gen} {taste_verb} {taste}. / {Gen} {be} {taste} and tasty.",
            "{Taste}.",
            "😋 👅",
            "the taste of {gen}",
        ),
        "made": _intent(
            "How do I make {gen}? / How do you prepare {one}? / Give me a recipe for {gen}. / What can I cook with {gen}? / "
            "I want to make {gen}. / how to cook {gen} / Provide detailed instructions for making {gen}. / recipe for {gen} please / "
            "how do i make good {gen} / Teach me to make {gen}. / how long does it take to make {gen} / I want to make {gen} for my mother. / "
            "My mother is coming. How do I make {gen}? / I have {gen} at home. What now? / i never made {gen} before / quick "
            "way to make {gen} / what do i do with {gen} / Show me step by step how to make {gen}. / I bought {gen}. How do I "
            "prepare {them}? / the best way to make {gen} / tips for making {gen} / My kids want {gen} tonight. How do I make "
            "{them}? / we still have {gen}, any ideas / Please help me cook {gen}. / can i make {gen} myself / easy "
            "{bare} recipe / I cannot cook. Can I still make {gen}?",
            "Take good {bare}, {made} and enjoy. / It is easy. Prepare it with care, {made} and serve it with {goes_with}.",
            "Just {made}.",
            "👩‍🍳 🍳 🍽️",
            "making {gen}",
        ),
        "goes": _intent(
            "What goes well with {gen}? / What should I serve with {gen}? / What can I add to {gen}? / what goes with {gen} / "
            "What do people eat with {gen}? / "
            "i have {gen}, what else do I need / What is nice together with {gen}? / What should I eat with {gen}? / my "
            "guests get {gen}, what do I serve with that / {gen} and what else / what fits with {gen} / I only have {gen}. "
            "What can I add? / Name something that goes with {gen}. / which side goes with {gen} / What do you combine with "
            "{gen}? / {gen} alone {be} boring, what can I add",
            "{Gen} {go} well with {goes_with}. / Try {gen} with {goes_with}.",
            "{Goes_with}.",
            "👌 😋",
            "serving {gen}",
        ),
        "healthy": _intent(
            "{Be} {gen} healthy? / Is it good to eat {gen}? / Should I have {gen} every day? / {Be} {gen} bad for me? / Can I have {gen}? / "
            "can my dog have {gen} / Is it ok to have {gen} for breakfast? / Can I have {gen} for dinner? / {be} {gen} good for kids / "
            "Is it fine to have {gen} at night? / will {gen} make me fat / How much {bare} is too much? / "
            "i am on a diet, can I have {gen} / {do} {gen} make you fat / I have {gen} three times a day. / How healthy {be} "
            "{gen}? / can I have {gen} too often / I want to live healthy. {Be} {gen} okay? / what happens if I have {gen} "
            "every day / {gen} every night, good or bad / is it bad to have a lot of {gen} / My mom says {gen} {be} bad for "
            "me. / I want to lose weight. Can I still have {gen}? / {be} {gen} good for me / should I stop having {gen} / "
            "{be} {gen} okay before bed / i have {gen} all the time",
            "{Gen} {be} fine if you do not have too much. / Enjoy {gen}, but keep your meals balanced.",
            "In small amounts.",
            "👍 💪 ⚖️",
            "eating {gen}",
        ),
        "hungry": _intent(
            "I want {gen}. / I am hungry for {gen}. / I had {gen} for lunch. / I just ate too much {bare}. / we are having {gen} tonight / "
            "My kids only want {gen}. / craving {gen} right now / can you bring me {gen} / My {bare} is burnt. / Should I order {gen}? / "
            "time for {gen} / I could go for {gen} now. / mmm {gen} / we had {gen} at the party / My grandma makes the best "
            "{gen}. / I just made {gen}! / I feel like {gen}. / my wife brought {gen} home / {gen} again today / I am having "
            "{gen} with my family. / so hungry, thinking of {gen} / We shared {gen} at lunch. / tonight there will be {gen} / "
            "I treat myself to {gen}.",
            "{Gen} {be} {taste}, so enjoy. {fact} / That sounds tasty. {fact}",
            "Enjoy!",
            "😋 🤤 🍴",
            "having {gen}",
        ),
        "drink": _intent(
            "What should I drink with {gen}? / which drink goes with {gen} / What do you drink with {gen}? / is wine good "
            "with {gen} / does tea go with {gen} / I serve {gen} tonight. What do we drink? / what is in the glass when we "
            "have {gen} / can I drink milk with {gen} / Water or juice with {gen}?",
            "Water is always a good choice. {Gen} {go} well with {goes_with}. / Try a glass of cold water or a cup of tea.",
            "Water.",
            "🥛 💧 🍵",
            "a drink with {gen}",
        ),
        "store": _intent(
            "How do I store {gen}? / {do} {gen} go in the fridge / Can I freeze {gen}? / how long can I keep {gen} / {do} "
            "{gen} go bad / can I still have old {gen} / where do I keep {gen} / My {bare} {is1} a week old. / I have {gen} "
            "left from yesterday. / how {do} {gen} stay good / How do I know if {gen} {be} bad?",
            "Keep {gen} clean and covered, and look before you use {them}. / Check first. If it looks or smells bad, throw it "
            "away.",
            "Keep it covered.",
            "🧊 📦",
            "keeping {gen}",
        ),
        "inside": _intent(
            "What is in {gen}? / what {be} {gen} made of / what are the ingredients of {gen} / How many calories {do} {gen} "
            "have? / is there sugar in {gen} / is there fat in {gen} / how much protein {do} {gen} have / {be} {gen} good "
            "for vegans / I must know what is in {gen}.",
            "I do not know everything in {gen}, so read the label. / A package shows the full list. {definition}",
            "Read the label.",
            "🔍 📋",
            "what is in {gen}",
        ),
        "season": _intent(
            "When {be} {gen} in season? / when do people have {gen} / Is there a season for {gen}? / what is the best time "
            "for {gen} / {be} {gen} more for summer or winter / Do people have {gen} in the morning? / can I get {gen} in "
            "winter / on which day do we have {gen}",
            "There is no fixed time for {gen}. {fact} / Have {gen} when you like, maybe with {goes_with}.",
            "When you like.",
            "📅 ☀️",
            "the time for {gen}",
        ),
        "allergy": _intent(
            "I am allergic to {gen}. / my son cannot have {gen} / i feel sick after {gen} / My stomach hurts after {gen}. / I "
            "got red spots from {gen}. / my doctor says no more {gen} / I always feel bad after {gen}. / is it bad that I feel "
            "sick after {gen}",
            "Then leave {gen} out and ask a doctor. / Be careful and talk to a doctor before you have {gen} again.",
            "Ask a doctor.",
            "🩺 ⚠️",
            "trouble with {gen}",
        ),
        "instead": _intent(
            "What can I use instead of {gen}? / we have no {bare}, what now / I ran out of {gen} while cooking. / is there "
            "something like {gen} / I do not want {gen} today. What else? / what else can I take if there {be} no {gen} / My "
            "recipe says {bare} but I have none. / what is close to {gen}",
            "Look for other food that tastes {taste}. / Use what you have at home and try something new.",
            "Something {taste}.",
            "🔄 💡",
            "something instead of {gen}",
        ),
        "guests": _intent(
            "Should I make {gen} for guests? / {gen} for a party, good idea? / Can I serve {gen} to my boss? / my parents "
            "come for dinner, maybe {gen}? / would my friends like {gen} / {gen} for ten people / I want to bring {gen} to a "
            "picnic. / do people like {gen} at a party",
            "Yes, serve {gen} with {goes_with}. / Good idea, and {goes_with} will go well with that.",
            "Good idea.",
            "🎉 🍽️",
            "{gen} for guests",
        ),
    },
    "place": {
        "where": _intent(
            "Where is {one}? / Where can I find {one}? / In which place is {one}? / How do I get to {one}? / how far is {one} / "
            "which country is {one} in / Where exactly is {one}? / "
            "i cannot find {one} / is {one} far away / On which map is {one}? / my son asked where {one} is / I have to go to "
            "{one}. Where is it? / {one}, where is that / Is {one} near here? / what part of the world is {one} in / I forgot "
            "where {one} is. / show me the way to {one} / where would I look for {one} / Where on earth is {one}?",
            "You can find {one} in {where}. / {One} is in {where}.",
            "In {where}.",
            "📍 🗺️",
            "the way to {one}",
        ),
        "see": _intent(
            "What can I see in {one}? / What should I visit in {one}? / What is there to do in {one}? / What is {one} famous for? / "
            "what to do in {one} / best things in {one} / One day in {one}, what should I do? / "
            "we have three hours in {one} / What do people go to {one} for? / I am in {one}. What now? / top things in {one} "
            "/ what should we not miss in {one} / What would you show me in {one}? / first time in {one}, any ideas / what is "
            "in {one} / What do tourists do in {one}? / bored in {one}, what can I do / tell me the sights of {one} / What is "
            "the best thing in {one}? / we are in {one} with kids, what to see",
            "In {one} you should see {see}. / {One} is known for {see}.",
            "{See}.",
            "👀 📸",
            "the sights of {one}",
        ),
        "trip": _intent(
            "Plan a trip to {one}. / Plan a family road trip to {one}. / I want to go to {one}. / Help me plan a weekend in {one}. / "
            "What should I pack for {one}? / I am going to {one} next week! / We are flying to {one} tomorrow. / "
            "how do i travel to {one} / Plan a holiday in {one} for me. / i am on my way to {one} / we are at {one} now / "
            "Let us go to {one}! / my husband wants to go to {one} / I got tickets to {one}! / how do I plan a visit to {one} "
            "/ tomorrow we go to {one} / I need a break. Maybe {one}? / three days for {one}, what is the plan / I am "
            "dreaming of a trip to {one}. / Our class goes to {one} next week. / going to {one} with friends / help me get "
            "ready for {one} / we want to see {one} this summer / What do I need for a day in {one}?",
            "Pack your bag, go to {one} and enjoy {see}. / Day one, travel to {one}. Day two, see {see}. Day three, rest.",
            "Pack and go.",
            "🚗 🧳 🏨",
            "a trip to {one}",
        ),
        "nice": _intent(
            "Is {one} nice? / Is {one} worth a visit? / Should I move to {one}? / Do people like {one}? / Is {one} dangerous? / is {one} good for kids / "
            "Have you been to {one}? / i live in {one} / I was born in {one}. / my family is in {one} / "
            "Would you go to {one}? / i work in {one} / My sister moved to {one}. / is {one} boring / I spend a lot of time "
            "in {one}. / is {one} a good place / Is {one} too crowded? / my friends say {one} is great / we stayed in {one} "
            "last year / is it worth it to go to {one} / What is good about {one}? / I grew up in {one}. / is {one} safe at "
            "night",
            "Many people like {one} because of {see}. / {One} is {adjective}, and you can enjoy {see}.",
            "It is {adjective}.",
            "👍 😍",
            "visiting {one}",
        ),
        "weather": _intent(
            "How is the weather in {one}? / Is it hot in {one}? / When is the best time to visit {one}? / will it rain in {one} / "
            "do I need a coat in {one} / what is the temperature in {one} / Is it cold in {one} now? / does it snow in {one} "
            "/ when should I go to {one} / Will it be sunny in {one} tomorrow? / I go to {one} in May. Is it warm? / which "
            "month is best for {one} / what do I wear in {one} / how hot does it get in {one} / Is it windy in {one}?",
            "The weather in {one} changes, so check before you go. / Spring is often a good time for {one}.",
            "It changes.",
            "🌤️ 🌡️",
            "the weather in {one}",
        ),
        "meal": _intent(
            "What can I eat in {one}? / where can I eat in {one} / Is there good food in {one}? / What do people eat in "
            "{one}? / i am hungry and in {one} / best food in {one} / can I bring my own food to {one} / What should I drink "
            "in {one}? / we want a nice dinner in {one}",
            "I do not know the food in {one}, so try something new. / Ask the people in {one} what they like to eat.",
            "Try something new.",
            "🍽️ 😋",
            "the food in {one}",
        ),
        "people": _intent(
            "Which language do people speak in {one}? / what are the people in {one} like / who lives in {one} / How many "
            "people live in {one}? / how do I say hello in {one} / Are the people in {one} friendly? / I do not know anybody "
            "in {one}. / how do people live in {one} / Who will I meet in {one}?",
            "I do not know much about the people in {one}. {fact} / I am not sure, so ask somebody who has been there. "
            "{definition}",
            "I am not sure.",
            "👋 🗣️",
            "the people in {one}",
        ),
        "size": _intent(
            "How big is {one}? / is {one} big or small / How large is {one}? / what is the size of {one} / can I walk through "
            "{one} in a day / is {one} bigger than my house / How much room is there in {one}? / my son asked how big {one} "
            "is",
            "I do not know the exact size of {one}. {definition} / A map shows how big {one} is. {fact}",
            "I do not know.",
            "📏 🤷",
            "the size of {one}",
        ),
        "kids": _intent(
            "Can I go to {one} with kids? / is {one} fun for children / We have a baby. Can we visit {one}? / what can kids "
            "do in {one} / my children want to go to {one} / Is {one} good for a family? / will my kids like {one} / My son "
            "is six. Will he like {one}? / we take the children to {one} tomorrow",
            "Stay together and show the children {see}. / With kids, take breaks, bring water and enjoy {see}.",
            "Stay together.",
            "👪 🧒",
            "{one} with children",
        ),
        "cost": _intent(
            "Is {one} expensive? / how much money do I need in {one} / how much is a trip to {one} / can I go to {one} for "
            "free / do I need a ticket for {one} / I do not have much money. Can I go to {one}? / how much does {one} cost / "
            "is {one} cheap",
            "I do not know the prices in {one}, so check before you go. / It depends on what you do in {one}.",
            "It depends.",
            "💰 🎟️",
            "the cost of {one}",
        ),
        "open": _intent(
            "When does {one} open? / is {one} open today / is {one} closed on Sunday / until when can I visit {one} / what "
            "are the opening hours of {one} / is {one} open at night / Can I go to {one} on a holiday? / how early can I go "
            "to {one}",
            "I do not know the hours, so check before you go to {one}. / That changes, so look it up before you go to {one}.",
            "Check first.",
            "🕰️ 🚪",
            "the hours of {one}",
        ),
        "stay": _intent(
            "How long should I stay in {one}? / how many days for {one} / is one day enough for {one} / how much time do I "
            "need for {one} / We only have an hour for {one}. / can I see {one} in one day / how long is a visit to {one}",
            "Stay long enough to see {see}. / Take your time for {see}.",
            "Take your time.",
            "⏳ 📅",
            "the time for {one}",
        ),
        "back": _intent(
            "I miss {one}. / i want to go back to {one} / I just came back from {one}. / we were in {one} last week / I was "
            "in {one} today. / Our trip to {one} was great. / I got lost in {one}. / we had a good day in {one} / My daughter "
            "was in {one} with her class.",
            "Thank you for telling me. {fact} / I see. Many people go there for {see}.",
            "I see.",
            "😊 📸",
            "your time in {one}",
        ),
    },
    "activity": {
        "need": _intent(
            "What do I need for {gen}? / What equipment do I need for {gen}? / What should I buy for {gen}? / what do i bring to {gen} / "
            "what stuff is needed for {gen} / I start {gen} tomorrow. What should I bring? / do I need anything for {gen} / "
            "my son wants to try {gen}, what does he need / What goes in my bag for {gen}? / which gear do i need for {gen} / "
            "We plan {gen}. What do we have to get? / what should I have ready for {gen} / What do people use for {gen}? / "
            "shopping list for {gen} / can I do {gen} without buying anything / Tell me the things I need for {gen}.",
            "For {gen} you need {need}. / You only need {need} for {gen}.",
            "{Need}.",
            "🛍️ 🧰",
            "the things for {gen}",
        ),
        "how": _intent(
            "How can I start with {gen}? / How do I learn {gen}? / How can I get better at {gen}? / Teach me {gen}. / tips for {gen} / "
            "How does {one} work? / What are the rules of {gen}? / i am bad at {gen} / how do i do {gen} / "
            "I want to try {gen}. / my first time {gen} tomorrow, any advice / Help me with {gen}. / "
            "I am new to {gen}. / what is the secret of {gen} / any advice on {gen} / How do I get good at {gen}? / how do "
            "you do {gen} right / What is the first step in {gen}? / my daughter wants to learn {gen} / I never did {gen} "
            "before. / is there a trick to {gen} / teach my kids {gen} / {gen} for beginners / I want to be better at {gen}. "
            "/ what do I have to do in {gen} / Show me how {gen} {be} done. / I am not good at {gen}, any tips? / step by "
            "step {gen} please",
            "Get {need}, {how} and practice often. / Start slowly, {how} and have fun.",
            "Practice.",
            "📈 💪",
            "learning {gen}",
        ),
        "good": _intent(
            "Is {one} good for me? / Is {one} fun? / Why do people enjoy {gen}? / Should I try {gen}? / is {one} hard / Is {one} dangerous? / "
            "Is {one} a good hobby? / is {one} for old people too / Should my kids do {gen}? / "
            "do you recommend {gen} / {be} {gen} worth my time / I am thinking about {gen}. Good idea? / {be} {gen} fun / "
            "would I enjoy {gen} / can {gen} make me happy / my doctor told me to try {gen} / {be} {gen} a good idea / Is "
            "{one} something for me? / are there good reasons for {gen} / I do not know if I would like {gen}. / why should I "
            "try {gen} / {be} {gen} good for the mood",
            "Yes, {gen} {be} {adjective}, and many people enjoy {them}. / {Gen} can be good for you. {fact}",
            "Yes, try {them}.",
            "👍 😄",
            "the joy of {gen}",
        ),
        "where": _intent(
            "Where can I do {gen}? / Where do people do {gen}? / best place for {gen} / Is there a place for {gen} near me? / "
            "do I need a special place for {gen} / we want to do {gen}, where do we go / Where could I try {gen}? / in which "
            "place do people do {gen} / I live in a city. Where can I do {gen}? / {gen}, but where / know a good spot for "
            "{gen} / where do kids do {gen} / Where is the best place for {gen}? / is there somewhere I can do {gen}",
            "You can do {them} {where}. / People enjoy {gen} {where}.",
            "{Where}.",
            "📍 🗺️",
            "a place for {gen}",
        ),
        "did": _intent(
            "I did {gen} yesterday. / We are planning {gen} this weekend. / My brother is into {gen}. / {gen} today was fun / "
            "I have {gen} tonight. / my daughter started {gen} / I am tired after {gen}. / i won at {gen} / "
            "I just finished {gen}. / we had so much fun with {gen} / my dad taught me {gen} / I tried {gen} for the first "
            "time. / {gen} tomorrow, so excited / We are into {gen} at the moment. / my friends invited me for {gen} / I got "
            "better at {gen}. / this weekend is all about {gen} / My son had his first lesson in {gen}. / spent the whole day "
            "on {gen} / on Sundays I do {gen}",
            "That sounds fun. {fact} / Good for you! {fact}",
            "Sounds fun.",
            "🎉 😄",
            "your {bare}",
        ),
        "long": _intent(
            "How long does {one} take? / how many hours for {gen} / how often should I do {gen} / Can I do {gen} every day? / "
            "how much time do I need for {gen} / how long until I am good at {gen} / I only have ten minutes for {gen}. / how "
            "long should the kids do {gen} / Is an hour of {bare} too much?",
            "It depends on you. Start with a short time and {how}. / Take the time you need and stop when you are tired.",
            "It depends.",
            "⏳ 🕰️",
            "the time for {gen}",
        ),
        "company": _intent(
            "Can I do {gen} alone? / Do I need a partner for {gen}? / with whom can I do {gen} / how many people do you need "
            "for {gen} / I have nobody to do {gen} with. / {gen} alone or with friends / can I do {gen} with my family / my "
            "friends have no time for {gen} / who could join me for {gen}",
            "Ask a friend, because {gen} can be more fun together. / Try what you like, with old friends or new people. "
            "{fact}",
            "Ask a friend.",
            "👭 🤝",
            "company for {gen}",
        ),
        "cost": _intent(
            "how much does {one} cost / {be} {gen} expensive / can I do {gen} for free / is {one} cheap / what do I pay for "
            "{gen} / I have no money. Can I do {gen}? / do I have to pay for {gen} / How much money do people spend on {gen}?",
            "I do not know the price. You need {need}. / Start small and see what you have at home. You need {need}.",
            "It depends.",
            "💰 🤷",
            "the cost of {gen}",
        ),
        "age": _intent(
            "At what age can I start {gen}? / am I too old for {gen} / my son is five, can he do {gen} / {be} {gen} for kids "
            "/ Can my grandmother do {gen}? / is {one} okay for small children / i am sixty, is it too late for {gen} / how "
            "old do you have to be for {gen} / Is my daughter too young for {gen}?",
            "It depends on the person, so start slowly and get help. / Age is not everything, but ask someone who knows {gen} "
            "well.",
            "It depends.",
            "🎂 🤔",
            "the age for {gen}",
        ),
        "safe": _intent(
            "Can I get hurt in {gen}? / {be} {gen} safe / what do I watch out for in {gen} / i got hurt doing {gen} / I am "
            "scared of {gen}. / my mom thinks {gen} {be} dangerous / how do I stay safe in {gen} / my back hurts after {gen} "
            "/ What can go wrong in {gen}?",
            "Start slowly, take care and rest when something hurts. / Be careful at first and let someone help you.",
            "Take care.",
            "⚠️ 🩹",
            "safety in {gen}",
        ),
        "when": _intent(
            "Can I do {gen} in the rain? / {gen} in winter, is that okay / when is the best time for {gen} / is it too hot "
            "for {gen} / can I do {gen} at night / {gen} in the morning or in the evening / Is today a good day for {gen}? / "
            "we planned {gen} but it is raining",
            "Pick a good time and take care of yourself. {fact} / That depends on the place. People often do {them} {where}.",
            "Pick a good time.",
            "🌤️ 📅",
            "the time for {gen}",
        ),
        "tired": _intent(
            "{gen} {be} too hard / i want to give up {gen} / I lost my joy in {gen}. / I am too tired for {gen}. / no time "
            "for {gen} / I am not in the mood for {gen}. / I failed at {gen}. / everybody is better at {gen} than me / i quit "
            "{gen}",
            "Take a break and try again later. {fact} / That is okay. Small steps are enough for {gen}.",
            "Take a break.",
            "😕 🤗",
            "trouble with {gen}",
        ),
        "star": _intent(
            "Who is the best in the world at {gen}? / is there a world champion in {gen} / who is famous for {gen} / can I "
            "watch {gen} on TV / Who holds the record in {gen}? / what is the record in {gen} / who won at {gen} last year / "
            "Did our team win in {gen}?",
            "I do not follow the news. {definition} / I do not know about winners. {fact}",
            "I do not know.",
            "🏆 📺",
            "the stars of {gen}",
        ),
    },
    "job": {
        "does": _intent(
            "What does {one} do? / What is the job of {one}? / Describe the work of {one}. / What do {gen} do all day? / why do we need {gen} / "
            "my son asked me what {one} does / what does {one} do at work / tell me about the work of {gen} / What is a "
            "normal day of {one} like? / {gen}, what do they do / How can {one} help me? / what is {one} good for / I need to "
            "know what {gen} do. / what are the tasks of {one} / Do we really need {gen}? / explain the job of {one} to my "
            "kids / What makes {one} important? / when do I need {one}",
            "{One} {does}. / {One} is often {where} and {does}.",
            "{Does}.",
            "💼 🛠️",
            "the work of {gen}",
        ),
        "where": _intent(
            "Where does {one} work? / Where can I find {one}? / Where are {gen} all day? / "
            "I am looking for {one}. / i need {one} right now, where do I look / Where could I meet {one}? / where would I "
            "see {one} / In which place does {one} spend the day? / my {bare} is not here, where could I look / Where do I go "
            "to see {one}? / where are the {gen} / Can you tell me where {gen} work? / Is there {one} near me?",
            "You can find {one} {where}. / {Gen} are often {where}.",
            "{Where}.",
            "📍",
            "the place of {gen}",
        ),
        "become": _intent(
            "How do I become {one}? / I want to be {one}. / Should I become {one}? / What do I study to become {one}? / "
            "my son wants to be {one} / I will be {one} soon! / Is it hard to be {one}? / Do {gen} earn much money? / "
            "my dream is to be {one} / Could I be {one}? / I am training to be {one}. / how long does it take to become {one} "
            "/ What must a good {bare} know? / my daughter says she will be {one} one day / can anybody be {one} / What does "
            "it take to be {one}? / I would be a good {bare}. / when I grow up I want to be {one} / is it fun to be {one} / "
            "how hard is the life of {one} / Today is my first day as {one}.",
            "It takes work and patience to be {one}. {fact} / Learn a lot and practice. {One} {does}.",
            "Study hard.",
            "🎓 📈",
            "becoming {one}",
        ),
        "met": _intent(
            "I met {one} today. / My {bare} is nice. / My {bare} is angry with me. / I miss my {bare}. / my {bare} is visiting tomorrow / "
            "What should I give my {bare}? / I had a fight with my {bare}. / my {bare} does not listen to me / "
            "my {bare} called me today / I do not like my {bare}. / my {bare} is in a bad mood / I need to talk to my {bare}. "
            "/ My {bare} lied to me. / how do I thank my {bare} / I am waiting for my {bare}. / my {bare} never has time / I "
            "am worried about my {bare}. / My {bare} and I do not talk anymore. / I have a great {bare}. / my {bare} works "
            "too much / is my {bare} mad at me / My {bare} did not show up.",
            "Talk openly with your {bare} and be kind. / I see. Remember that {one} {does}.",
            "Be kind.",
            "💬 🤝 ❤️",
            "your {bare}",
        ),
        "tools": _intent(
            "What tools does {one} need? / what does {one} wear / what is in the bag of {one} / does {one} have a uniform / "
            "what does {one} use at work / What do {gen} work with? / what do {gen} carry with them / my son dresses up as "
            "{one}, what does he need / Which machines do {gen} use?",
            "I do not know everything {gen} use. {fact} / Think of what they do. {One} {does}.",
            "I am not sure.",
            "🧰 👕",
            "the things of {gen}",
        ),
        "pay": _intent(
            "How much does {one} earn? / do {gen} make good money / what does {one} get paid / are {gen} rich / Is the pay of "
            "{one} good? / how much money do {gen} get / can I live on the pay of {one} / who pays {gen}",
            "I do not know about the money. {fact} / That is different everywhere. {One} {does}.",
            "It depends.",
            "💰 🤷",
            "the pay of {gen}",
        ),
        "day": _intent(
            "When does {one} get up? / how long does {one} work / do {gen} work at night / do {gen} work on weekends / does "
            "{one} have a lot of free time / how many hours do {gen} work / Is the day of {one} long? / are {gen} always busy "
            "/ what is the morning of {one} like",
            "I do not know the hours. {One} {does}. / Every day can be different. {One} is often {where}.",
            "It depends.",
            "🕰️ 📅",
            "the day of {one}",
        ),
        "opinion": _intent(
            "Do you like {gen}? / What do you think of {gen}? / {gen} are great / i do not like {gen} / are {gen} nice / what "
            "is your opinion on {gen} / I love {gen}. / {gen} are the best / can I trust {one} / my friend hates {gen} / do "
            "people like {gen}",
            "I think {gen} are interesting. {fact} / Every person is different, so get to know {one} first. {definition}",
            "Everyone is different.",
            "🤔 💬",
            "my opinion on {gen}",
        ),
        "present": _intent(
            "gift for my {bare} / My {bare} has a birthday. What can I give? / what do {gen} like / i need a present for "
            "{one} / How do I make my {bare} happy? / I want to surprise my {bare}. / what can I do for my {bare} / a nice "
            "idea for my {bare}, please / How can I say thank you to {one}?",
            "Give your {bare} time, a kind card or something sweet. / A small gift and kind words make {gen} happy.",
            "A kind card.",
            "🎁 💐",
            "a gift for {one}",
        ),
        "talk": _intent(
            "What should I ask {one}? / how do I talk to {one} / what can I say to {one} / how should I greet {one} / I will "
            "meet {one} tomorrow. What do I say? / I am shy with {gen}. / how do I write to {one} / my son has to ask {one} "
            "some questions",
            "Be polite, smile and ask what you want to know. {fact} / Say hello first and listen well. {One} {does}.",
            "Say hello.",
            "💬 👋",
            "talking to {one}",
        ),
        "dear": _intent(
            "I love my {bare}. / my {bare} is the best / I am proud of my {bare}. / my {bare} makes me laugh / I am so happy "
            "with my {bare}. / my {bare} is my hero / best {bare} ever / My {bare} is so good to me. / i have the nicest "
            "{bare}",
            "That is lovely. {fact} / Tell your {bare} so, and you will both smile.",
            "That is lovely.",
            "❤️ 😊",
            "your {bare}",
        ),
        "loss": _intent(
            "my {bare} died / I lost my {bare}. / My {bare} passed away. / We said goodbye to our {bare} forever. / I think "
            "of my dead {bare} every day. / my {bare} is very sick in the hospital / The funeral of my {bare} is tomorrow. / "
            "I cry because my {bare} died.",
            "I am so sorry. Take your time and talk to someone you trust. / I am sorry about your {bare}. It is okay to cry.",
            "I am so sorry.",
            "😢 💔",
            "the loss of your {bare}",
        ),
    },
    "thing": {
        "use": _intent(
            "What can I do with {one}? / What {be} {gen} for? / How do I use {one}? / Why do I need {one}? / What is the use of {one}? / "
            "how {does1} {one} work / what do people use {gen} for / Do I need {one}? / Is {one} useful? / "
            "what good {is1} {one} / I never used {one}. / when do people use {gen} / how can {one} help me / What would I do "
            "with {gen}? / my son asked what {gen} {be} for / why do people have {gen} / {gen}, what for / is there any use "
            "for {gen} / Why would anybody buy {gen}? / I do not know how to use {one}. / for what do I need {gen} / what "
            "{do} {gen} do / Tell me how people use {gen}.",
            "You can use {one} to {use}. / With {one} you can {use}.",
            "To {use}.",
            "👉 ✅",
            "the use of {gen}",
        ),
        "found": _intent(
            "Where do I find {one}? / Where is my {bare}? / I lost my {bare}. / where do people keep {gen} / cant find my {bare} / "
            "Where should I put my {bare}? / Have you seen my {bare}? / "
            "did you see my {bare} / my {bare} {is1} gone / i always lose my {bare} / I put my {bare} somewhere and forgot "
            "where. / somebody hid my {bare} / where do you keep {gen} at home / My {bare} disappeared. / in which room do I "
            "find {gen} / Help me find my {bare}. / looking for my {bare} since this morning / where would you look for {one} "
            "/ Where {do} {gen} belong?",
            "You often find {gen} {found}. / Look {found} first.",
            "{Found}.",
            "📍 🔍",
            "the place of {gen}",
        ),
        "fix": _intent(
            "How do I fix {one}? / My {bare} is broken. What should I do? / my {bare} does not work / How do I clean {one}? / "
            "my {bare} is making a strange noise / My {bare} is dirty. / help my {bare} broke / My {bare} is so slow. / my {bare} is too old / "
            "my {bare} {is1} acting up / my {bare} stopped working / I broke my {bare}. / my kids broke the {bare} / how do i "
            "repair {one} / there is something wrong with my {bare} / My {bare} {is1} wet. / can you help me, my {bare} {is1} "
            "stuck / My {bare} fell on the floor. / I spilled something on my {bare}. / there is a bad smell from my {bare} / "
            "the {bare} {is1} not working again / Who can repair my {bare}? / my {bare} {is1} full of dust",
            "Stay calm, look closely at the {bare} and ask someone for help. / Check the {bare} first, then clean it or take it to a shop.",
            "Check it first.",
            "🔧 🤔 🧽",
            "fixing {gen}",
        ),
        "choose": _intent(
            "How do I choose {one}? / Which {bare} should I buy? / What makes a good {bare}? / which {bare} is best / I need a new {bare}. / "
            "Can you recommend {one}? / Is {one} a good gift? / "
            "I want to buy {one} but there are so many. / what do I look for in {one} / what should a good {bare} be like / "
            "help me pick {one} / Which {bare} is right for me? / I cannot decide which {bare} to take. / cheap or fancy "
            "{bare} / my son needs {one}, which is good / any ideas for a good {bare} / is there a best {bare} / We need "
            "{one}. What should we look for? / how do I know if {one} {is1} good",
            "A good {bare} is simple, strong and helps you to {use}. / Pick {one} that you like and that helps you to {use}.",
            "A simple one.",
            "🛒 👍",
            "choosing {one}",
        ),
        "size": _intent(
            "How big {is1} {one}? / {does1} {one} fit in my bag / how long {is1} {one} / {is1} {one} big / what size should "
            "my {bare} be / My {bare} {is1} too big. / my {bare} {is1} too small / how small can {one} be / Do I have room "
            "for {one}? / how much {does1} {one} weigh",
            "I do not know the exact size. {definition} / Sizes are different, so look well before you choose {one}.",
            "It depends.",
            "📏 🤷",
            "the size of {gen}",
        ),
        "material": _intent(
            "What {be} {gen} made of? / what {is1} {one} made from / is there metal in {one} / How {be} {gen} made? / what is "
            "inside {one} / who makes {gen} / {be} {gen} made of plastic / can I make {one} myself / My son asks how {gen} "
            "{be} made.",
            "I am not sure how {gen} {be} made. {definition} / That depends on the maker. {fact}",
            "It depends.",
            "🧱 🔧",
            "the making of {gen}",
        ),
        "borrow": _intent(
            "Can I borrow your {bare}? / may i use your {bare} / lend me {one} please / do you have {one} / Do you own {one}? "
            "/ can you bring me {one} / Could you give me {one}? / I forgot my {bare}. What now? / who can lend me {one} / I "
            "have no {bare} with me.",
            "I have no {bare}, but a friend may lend you {one}. / Sorry, I own nothing. Ask a neighbor for {one}.",
            "Ask a friend.",
            "🤝 🙏",
            "borrowing {one}",
        ),
        "present": _intent(
            "can I give {one} to my mother / I want to give my friend {one}. / my husband wants {one} for his birthday / "
            "{one} for Christmas, good idea? / Would a child like {one}? / {be} {gen} something for a birthday / my sister "
            "wishes for {one} / who would be happy about {one} / I need a gift. Maybe {one}?",
            "Think about who gets it. With {one} you can {use}. / A gift should fit the person. {fact}",
            "Think of the person.",
            "🎁 🤔",
            "giving {one}",
        ),
        "danger": _intent(
            "{Be} {gen} dangerous? / can kids play with {gen} / can I hurt myself with {one} / {be} {gen} safe / is it safe "
            "to leave {one} with a baby / what should I not do with {one} / my baby plays with {one} / i hurt my hand with "
            "{one} / Are my kids safe with {gen}?",
            "Be careful with {one} and stay close to small children. / Use {gen} with care. {fact}",
            "Be careful.",
            "⚠️ 🧒",
            "safety with {gen}",
        ),
        "rid": _intent(
            "How do I get rid of my old {bare}? / where do I throw away {one} / can I recycle {gen} / should I sell my {bare} "
            "/ I do not need my {bare} anymore. / who wants my old {bare} / Can I put {one} in the trash? / I have no room for {gen} anymore. / what do I do with my old {bare}",
            "Give your old {bare} to someone, or ask about recycling. / Ask a friend who can still use your {bare}.",
            "Give it away.",
            "♻️ 🗑️",
            "your old {bare}",
        ),
        "without": _intent(
            "Can I live without {gen}? / what did people do before {gen} / I have no {bare}. What can I use? / what can I use "
            "instead of {one} / is life hard without {gen} / what if there {be} no {gen} / my friend does not have {one} / "
            "could you live without {gen}",
            "Without {gen} you need another way to {use}. / Maybe there is another way to {use}.",
            "Find another way.",
            "🔄 🤔",
            "life without {gen}",
        ),
        "color": _intent(
            "Which color should my {bare} have? / {do} {gen} come in red / what color goes with my {bare} / can I get {one} "
            "in blue / red or black {bare} / My daughter wants a pink {bare}. / which color is nice for {one} / I do not like "
            "the color of my {bare}.",
            "Pick the color that you like best. / I like blue, but choose what makes you happy.",
            "Your favorite one.",
            "🎨 🌈",
            "the color of {gen}",
        ),
    },
    "nature": {
        "where": _intent(
            "Where can I see {gen}? / Where do I find {one}? / Where {be} {gen}? / best place to see {gen} / "
            "i want to see {gen}, where do I go / where would I find {one} / my son asked where {gen} {be} / Where should I "
            "look for {gen}? / can I see {gen} from here / where {do} {gen} exist / in which place {be} {gen} / where do I "
            "have to be to see {gen} / Can you tell me where {gen} {be}? / {gen}, where",
            "You can find {gen} {where}. / Look for {gen} {where}.",
            "{Where}.",
            "📍 🔭",
            "the place of {gen}",
        ),
        "look": _intent(
            "What does {one} look like? / How does {one} feel? / Is {one} beautiful? / What color is {one}? / how do i take a picture of {one} / "
            "What should I do when I see {one}? / Is {one} dangerous? / Why do people like {gen}? / "
            "what can I see when I look at {gen} / {be} {gen} pretty / I have never seen {one}. What {does1} {one} look like? "
            "/ my daughter asked what {gen} {be} like / what is nice about {gen} / why do people look at {gen} / {be} {gen} worth "
            "seeing / Tell me what {gen} {be} like, please. / how would I know {one} when I see {one} / {Do} {gen} look the same "
            "everywhere? / what is the look of {gen}",
            "{One} is {adjective}. {fact} / Take your time and look, because {gen} {be} {adjective}.",
            "{Adjective}.",
            "👀 📸",
            "the look of {gen}",
        ),
        "saw": _intent(
            "The {bare} looks great today. / I can see {one} from my window. / There is {one} outside. / we had {gen} yesterday / "
            "look at the {bare} / I like to watch {gen}. / how does {one} form / what causes {gen} / should I go out in {gen} / "
            "I am looking at {one} right now. / I took a picture of {one}. / we went out to see {gen} / so happy about {one} "
            "today / My kids love to look at {gen}. / I woke up and saw {one}. / on our walk we saw {one} / I feel good when "
            "I see {gen}. / we sat and watched {gen} / I have {one} right behind my house. / wow, just look at {one} / My "
            "phone is full of photos of {gen}.",
            "Enjoy it. {fact} / That is nice. {fact}",
            "Enjoy it.",
            "😍 👀",
            "watching {gen}",
        ),
        "when": _intent(
            "When do you see {gen}? / what time of year {be} there {gen} / When can I see {gen}? / can I see {gen} at night / "
            "when is the best time for {gen} / how often do we see {gen} / will there be {gen} tomorrow / how long do I have "
            "to wait for {gen} / {be} there {gen} in winter",
            "The right moment is hard to tell, but look {where}. {fact} / That depends on the place and the time. {fact}",
            "It depends.",
            "📅 🕰️",
            "the time for {gen}",
        ),
        "how": _intent(
            "Why {be} there {gen}? / how {do} {gen} form / what is behind {gen} / Where {do} {gen} come from? / how {be} {gen} "
            "made / my son asked why there {be} {gen} / how did {gen} begin / Who made {gen}? / what {be} {gen} made of / can "
            "people make {gen}",
            "Here is what I know. {definition} / Nature is full of surprises. {fact}",
            "Nature did it.",
            "🔬 🌍",
            "the cause of {gen}",
        ),
        "size": _intent(
            "how big {is1} {one} / how far away {is1} {one} / {is1} {one} bigger than a house / How long {is1} {one}? / how "
            "high {is1} {one} / My son wants to know how big {one} {is1}. / how much {bare} is there / {is1} {one} very big / "
            "can you measure {one}",
            "I do not know the exact number. {definition} / That is hard to measure. {fact}",
            "I do not know.",
            "📏 🤷",
            "the size of {gen}",
        ),
        "danger": _intent(
            "Can {gen} be dangerous? / should I be afraid of {gen} / can {one} hurt me / i am scared of {gen} / {be} {gen} "
            "bad for people / how do I stay safe from {gen} / are my kids safe near {gen} / My daughter cries because of "
            "{gen}. / what do I do if I am afraid of {gen}",
            "Be careful when you are not sure. {fact} / Stay calm and stay with someone you trust. {definition}",
            "Stay calm.",
            "⚠️ 🤝",
            "the danger of {gen}",
        ),
        "need": _intent(
            "Why do we need {gen}? / what {do} {gen} do for us / {be} {gen} important / what would we do without {gen} / {be} "
            "{gen} good for animals / why {be} {gen} good for us / do animals need {gen} / {be} {gen} useful",
            "All parts of nature belong together. {fact} / {Gen} {be} a part of our world. {definition}",
            "We live together.",
            "🌍 ❤️",
            "the value of {gen}",
        ),
        "change": _intent(
            "{be} {gen} changing / will {gen} always be there / how long {do} {gen} last / how old {be} {gen} / when will "
            "there be no more {gen} / {be} there less {bare} than before / did {gen} look different long ago / how long will "
            "{one} stay",
            "Nature changes all the time. {fact} / I do not know what comes next. {fact}",
            "Nature changes.",
            "⏳ 🌍",
            "the future of {gen}",
        ),
    },
    "idea": {
        "why": _intent(
            "Why is {one} important? / Why do people care about {gen}? / Do we need {gen}? / What is good about {gen}? / "
            "why does {one} matter / What is the point of {gen}? / Why do people need {gen}? / why do we have {gen} / "
            "i do not see the point of {gen} / my son asked why {one} {is1} important / why should I care about {gen} / Is "
            "{one} really important? / what is so important about {gen} / What would be missing without {gen}? / why is "
            "everyone talking about {gen} / give me a reason for {gen} / what does {one} bring us / Who needs {gen}? / Does "
            "{one} matter at all? / {gen}, but why / tell me why {one} matters",
            "{One} matters because {why}. / It is important because {why}.",
            "Because {why}.",
            "👍 ✨",
            "the value of {gen}",
        ),
        "advice": _intent(
            "How can I find {gen}? / How do I deal with {gen}? / What should I do about {gen}? / Give me advice about {gen}. / "
            "i need help with {gen} / I worry about {gen}. / How can I learn about {gen}? / any tips on {gen} / "
            "I want more {bare} in my life. / how do i handle {gen} / I feel {bare} today. / too much {bare} in my life / "
            "How can I get better at {gen}? / my kid struggles with {gen} / "
            "my friend has trouble with {gen} / What would you do about {gen}? / i think too much about {gen} / Help me with "
            "{gen}, please. / how do I talk about {gen} with my kids / what helps with {gen} / {gen} {be} on my mind all day "
            "/ I am stuck with {gen}. / Any ideas for {gen}? / what is the first step with {gen} / {gen} {be} hard for me / "
            "can you give me a tip on {gen} / We have trouble with {gen} at home. / how do people deal with {gen} / I "
            "struggle with {gen}. / Tell me what to do about {gen}.",
            "{advice} / {advice} Remember, {why}.",
            "Step by step.",
            "👣 🧭",
            "advice about {gen}",
        ),
        "think": _intent(
            "What do you think about {gen}? / What is your opinion on {gen}? / Is {one} good or bad? / do you believe in {gen} / "
            "Do you like {gen}? / is {one} overrated / Can you comment on {gen}? Tell me something about it? / "
            "is {one} a good thing / your view on {gen} please / I have mixed feelings about {gen}. / my dad thinks {one} is "
            "bad / tell me your honest opinion on {gen} / what do you say about {gen} / does {one} make people happy / Are "
            "you for or against {gen}? / I am not sure what I think about {gen}. / {gen}, good or bad / We argue about {gen} "
            "a lot. What do you think?",
            "I think {one} is worth talking about, because {why}. / {One} can be {adjective}. {fact}",
            "It matters.",
            "🤔 💬",
            "my opinion on {gen}",
        ),
        "example": _intent(
            "Give me an example of {one}. / can you show me an example of {gen} / what is a good example of {gen} / an "
            "example for {gen} please / how do I see {gen} in daily life / Where do we meet {gen} in life? / I need an "
            "example about {gen} for school. / tell me something from life about {gen}",
            "Think of this. {fact} / Here is something from life. {fact}",
            "Think of life.",
            "💡 👉",
            "an example of {gen}",
        ),
        "teach": _intent(
            "How do I explain {gen} to my child? / how can I teach children about {gen} / my students do not understand {gen} "
            "/ Is there an easy way to explain {gen}? / my daughter wants to know why there {be} {gen} / how would you teach "
            "{gen} / My kids do not know what {one} {is1}. / i have to explain {gen} to a class",
            "Say it simply. {definition} / Say what it is, and say that {why}.",
            "Say it simply.",
            "🧒 📖",
            "teaching {gen}",
        ),
        "past": _intent(
            "When did {one} begin? / who came up with {gen} / how old is the idea of {one} / what is the history of {gen} / "
            "who invented {gen} / Where does {one} come from? / did people always have {gen} / since when do we have {gen} / "
            "who started {gen}",
            "I do not know when {one} began. {fact} / Nobody told me the whole story. {definition}",
            "I do not know.",
            "📜 🕰️",
            "the history of {gen}",
        ),
        "world": _intent(
            "can {one} change the world / can we live without {gen} / what would the world be without {gen} / is {one} "
            "getting better / Will there always be {gen}? / what is the future of {gen} / what if there was no {bare} / how "
            "would life be without {gen} / does the world need more {bare}",
            "The world would be different without {gen}, because {why}. / Nobody can see the future. {fact}",
            "It would be different.",
            "🌍 🔮",
            "the world and {gen}",
        ),
        "mine": _intent(
            "{gen} changed my life / I learned a lot from {gen}. / my life is full of {gen} / {gen} {be} a big part of my "
            "life / I often think about {gen}. / last year was all about {gen} for me / my family talks a lot about {gen} / "
            "we had a long talk about {gen} / Today I thought a lot about {gen}.",
            "Thank you for telling me. {fact} / I see. It stays with us because {why}.",
            "Thank you for telling me.",
            "💬 🤗",
            "{gen} in your life",
        ),
    },
    "health": {
        "why": _intent(
            "Why do people get {gen}? / What causes {gen}? / Why do I have {one}? / Why do we have {gen}? / how {does1} {one} work / "
            "why is {one} important / "
            "how come people have {gen} / where {does1} {one} come from / my son asked why he has {one} / what is the reason "
            "for {gen} / why do I get {gen} / what is behind {gen} / I do not know why I have {one}. / why {be} there {gen} / "
            "for what reason do people have {gen} / Explain to me why we have {gen}. / tell me the cause of {gen} / Where "
            "{do} {gen} come from, do you know?",
            "It is because {why}. / That happens because {why}.",
            "Because {why}.",
            "🔬 💡",
            "the cause of {gen}",
        ),
        "advice": _intent(
            "I have {one}. / What helps against {gen}? / What should I do about my {bare}? / My {bare} hurts. / How do I treat {one}? / "
            "my kid has {one} / i got {one} again / How do I take care of my {bare}? / How can I get rid of {gen}? / "
            "my {bare} is bad today, what can i do / Something is wrong with my {bare}. / tips for {gen} / Should I worry about {gen}? / "
            "my wife has {one}, what can we do / I have had {one} for days. / {gen} again, what now / I woke up with {one}. / "
            "what would a doctor say about {gen} / something quick for {gen} please / What is good for my {bare}? / what can "
            "I do for my {bare} / My mother has {one}. / My little girl has {one}. What should I do? / please help, it is "
            "about my {bare} / I am worried about my {bare}. / any advice on {gen} / What do you do when you have {one}? / i "
            "need help with my {bare}",
            "{advice} / {advice} See a doctor if it does not get better.",
            "Rest well.",
            "💊 🩺 🛌",
            "help with {gen}",
        ),
        "long": _intent(
            "How long {does1} {one} last? / when does {one} go away / how long will I have {one} / will {gen} ever stop / is "
            "{one} forever / how many days with {one} / I have had {one} for a week. / is there an end to {gen} / when will I "
            "be well again with {one}",
            "I do not know how long it takes. {advice} / That is different for everybody. {fact}",
            "It depends.",
            "⏳ 🤷",
            "the time with {gen}",
        ),
        "doctor": _intent(
            "Do I need a doctor for {one}? / should I see a doctor about my {bare} / which doctor helps with {gen} / is {one} "
            "an emergency / when should I go to the hospital with {one} / Is {one} serious? / can I go to work with {one} / "
            "should I stay home with {one} / I am afraid of going to the doctor with {one}. / do I have to call someone about "
            "my {bare}",
            "{advice} Ask a doctor if you are not sure. / A doctor knows best. {advice}",
            "Ask a doctor.",
            "🩺 🏥",
            "a doctor for {gen}",
        ),
        "food": _intent(
            "What should I eat with {one}? / what food is good for my {bare} / can I drink coffee with {one} / is tea good "
            "against {gen} / what can I drink for {gen} / does fruit help with {gen} / which food helps with {gen} / I do not "
            "know what to eat with {one}.",
            "Good food and water help the whole body. {advice} / Ask a doctor what is good for you. {fact}",
            "Drink enough water.",
            "🍎 💧",
            "food and {gen}",
        ),
        "sport": _intent(
            "Can I do sports with {one}? / can I go running with {one} / should I exercise with {one} / is sport good for my "
            "{bare} / may I swim with {one} / can I train with {one} / i have {one} and a game tomorrow / I want to go to the "
            "gym with {one}.",
            "Rest first, and then ask a doctor. / Move gently and ask a doctor if you are not sure.",
            "Listen to your body.",
            "🏃 🩺",
            "sports and {gen}",
        ),
        "kids": _intent(
            "my child asked what {one} {is1} / what do I tell a child about {gen} / teach my kids about {gen} / my son is afraid of {gen} / a child wants to hear about {gen} / how do I explain {gen} to my kids / my kids ask about {gen} / my class is learning about {gen} / My daughter wants to know what {one} {is1}.",
            "Stay calm and explain it in simple words. {definition} / Children have many questions. You can say this. {fact}",
            "Stay calm.",
            "🧒 🤗",
            "children and {gen}",
        ),
        "normal": _intent(
            "is {one} normal / do many people have {gen} / am I the only one with {one} / is {one} bad / Should I be scared "
            "of {gen}? / is it okay to talk about {gen} / Is something wrong with me when I have {one}? / who else has {gen}",
            "You are not alone. {fact} / Many people ask about {gen}. {definition}",
            "You are not alone.",
            "🤗 👪",
            "how normal {gen} {be}",
        ),
        "suffer": _intent(
            "my {bare} kept me awake all night / my friend is suffering from {gen} / I feel awful because of {gen}. / {gen} "
            "ruined my day / i cried because of {gen} / I am so tired of my {bare}. / my dad is in the hospital because of "
            "{gen} / {gen} {be} driving me crazy / i cannot work because of {gen} / I missed school because of {gen}.",
            "I am sorry to hear that. {advice} / That sounds hard. I hope it gets better soon.",
            "I am sorry.",
            "😢 🤗 🛌",
            "your trouble with {gen}",
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

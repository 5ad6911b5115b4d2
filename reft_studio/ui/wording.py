"""Every word a person reads on the page, in the order of the page."""

from collections.abc import Mapping, Sequence

from reft_studio.demonstrations import rows_named
from reft_studio.train.places import Measure, Place, Tried

TITLE = "ReFT Studio"
TAGLINE = "A few examples make a chat model your own."

EXAMPLES_TAB = "1 · Examples"
TRAIN_TAB = "2 · Train"
CHAT_TAB = "3 · Chat"
SHARE_TAB = "4 · Share"

OUR_MISTAKE = "Something went wrong on our side. The details are in the log of the app. Please try again."

NOTICE = (
    "Bots are machines and may be wrong. Please make none to deceive or to hurt people, or to decide about "
    "anyone's health, money or rights."
)
SHARED_NOTICE = "This app is shared: write nothing private, and download or publish what you want to keep."

# First steps

TOUR = (
    "New here? Choose a bot below, such as the Emoji bot: its examples come into the table.",
    "These rows are all it learns from. Change one if you like, then train your bot: that takes seconds.",
    "Your bot is ready. Send it any message in the Chat tab: the plain model answers beside it.",
)
SKIP_TOUR = "Hide this"


def tour_step(number: int) -> str:
    """Before the sentence that says what to do next."""
    return f"Step {number} of {len(TOUR)}."


# Examples

EXAMPLES_TITLE = "What should your bot do?"

EXAMPLES_INTRO = (
    "Each row is a message and the answer you would like. Ten rows are enough: start from one of these and "
    "change what you like, or from an empty table."
)
PROJECT, NEW_PROJECT = "Project", "New project"
DELETE_PROJECT = "Delete this project…"
BLANK_TITLE = "Blank"
BLANK_SENTENCE = "An empty table for an idea of your own."
PROMPT_COLUMN = "When someone writes…"
REPLY_COLUMN = "…the bot answers"
ADD_ROW = "Add a row"
DUPLICATE_ROW = "Duplicate"
MOVE_UP, MOVE_DOWN = "Move up", "Move down"
DELETE_ROW = "Delete"
UNDO, REDO = "Undo", "Redo"
NO_ROW_SELECTED = "No row is selected. Click a cell of the row you mean, then press the button again."
PREVIOUS_ROW, NEXT_ROW = "◀ Previous", "Next ▶"
FIND, FIND_PLACEHOLDER, FIND_NEXT = "Find a row", "Find a word in the rows", "Find next"
FIND_WHAT = "Write a word to look for."
SUGGEST = "Messages that you could add, for you to answer:"
SUGGEST_DIFFICULT = (
    "People will try to talk your bot out of its manner. No row shows it such a message yet; add one, and "
    "answer it as your bot should:"
)
TO_TRAINING = "Next: train the bot"

FILES_TITLE = "Bring rows from a file or a spreadsheet, or save them"
FILE_MODE = "What should happen to the rows that are in the table now?"
APPEND = "Keep them and add the new ones"
REPLACE = "Replace them"
UPLOAD = "Open a file (.csv, .tsv, .xlsx or .jsonl) with two columns, prompt and reply"
PASTE = "Or paste two columns from a spreadsheet"
PASTE_HELP = "Select both columns there, copy, and paste here."
PASTE_BUTTON = "Put the pasted rows into the table"
NOTHING_IN_IT = (
    "There are no rows in it, so nothing was changed. It needs two columns, prompt and reply, and at least "
    "one row below their names."
)
NOTHING_PASTED = (
    "There is nothing in the box. Copy two columns in your spreadsheet and paste them here first."
)
PASTED_FILE = "pasted rows"
SAVED_FILE = "examples"
SAVE_CSV = "Save as CSV"
SAVE_TSV = "Save as TSV"
SAVE_JSONL = "Save as JSONL"
SAVE_XLSX = "Save for Excel"


def project_in_list(name: str, examples: int) -> str:
    """One of several."""
    match examples:
        case 0:
            return f"{name} · no examples yet"
        case 1:
            return f"{name} · 1 example"
        case _:
            return f"{name} · {examples:,} examples"


def really_delete_project(name: str) -> str:
    """Before a project is deleted."""
    return f'Delete the project "{name}" for good, with its examples? Bots that learned from them stay.'


def damaged(kept: str) -> str:
    """Said when the app had to begin with a new database."""
    return (
        "The file in which the app keeps your table was damaged, perhaps by a full disk or a crash of the "
        f'computer. It was set aside as "{kept}", and the table begins empty. Your finished bots are there.'
    )


def rows_saved(count: int) -> str:
    """Under the table."""
    match count:
        case 0:
            return "No examples yet. Choose a starter, or write your first row."
        case 1:
            return "1 example. Saved; a few more will make the bot surer."
        case _:
            return f"{count:,} examples. Saved as you type."


def too_many_rows(count: int, limit: int) -> str:
    """When a file does not fit the table."""
    return (
        f"That would make {count:,} rows, and the table takes at most {limit:,}. "
        "Ten good rows are often enough: open a file with only the best ones."
    )


def cell_too_long(row: int, characters: int, limit: int) -> str:
    """When a cell of a file holds a whole book."""
    return (
        f"Row {row} of these has a cell with {characters:,} characters; at most {limit:,} are allowed. "
        "Shorten it, then open the file again."
    )


def starters_score(right: int, of: int) -> str:
    """On the card of a starter."""
    return f"Tested: {right} of {of} right."


def which_row(number: int, of: int) -> str:
    """Above a row that is shown by itself."""
    return f"Row {number} of {of:,}"


def found(row: int, number: int, of: int) -> str:
    """Of a word in the rows."""
    others = "the only one with it" if of == 1 else f"{number} of {of:,} rows with it"
    return f"Row {row:,}: {others}."


def found_nothing(word: str) -> str:
    """When no row has a word."""
    return f'No row has "{word}" in it.'


def few_rows(count: int) -> str:
    """Where there are so few that a bot learns the rows rather than the manner."""
    examples = "1 example is" if count == 1 else f"{count} examples are"
    return f"{examples} very few. About ten different ones work best."


def half_a_row(number: int, *, prompt: bool) -> str:
    """A row with one cell empty."""
    return f"Row {number} has no {'message' if prompt else 'answer'} yet."


def same_prompt(numbers: Sequence[int], *, contradict: bool) -> str:
    """Rows that contradict or repeat each other."""
    if contradict:
        return f"{rows_named(numbers)} ask the same and answer differently. Which is right? Keep one."
    return f"{rows_named(numbers)} ask the same. Keep one of them."


def same_reply(numbers: Sequence[int], *, nearly: bool) -> str:
    """Rows that teach one sentence rather than a manner."""
    same = "nearly the same answer" if nearly else "the same answer"
    return f"{rows_named(numbers)} have {same}. Vary it, or the bot will say just that to everything."


def long_cell(number: int, characters: int, limit: int) -> str:
    """A row that training will not take."""
    return f"Row {number} has {characters:,} characters in a cell; {limit:,} can be learned. Shorten it."


def breaks_rules(numbers: Sequence[int], rules: Sequence[str]) -> str:
    """Rows that are not what the bot will be scored by."""
    said = " and ".join(f'"{rule}"' for rule in rules)
    verb = "does" if len(numbers) == 1 else "do"
    return f"{rows_named(numbers)} {verb} not fit what makes an answer right ({said})."


# Train

TRAIN_TITLE = "Train the bot"
TRAIN_INTRO = (
    "The chat model itself never changes. A small add-on learns from your rows how to steer it. "
    "With the model that comes with the app this takes a few seconds."
)
BOT_NAME = "Name of the bot"
DEFAULT_BOT_NAME = "My bot"
TRAIN = "Train my bot"
TRAIN_AGAIN = "Train again"
TRAINING = "Training…"
CANCEL = "Cancel"
TALK = "Talk to your bot"

SCORING = "Your bot is ready. Scoring…"
SKIP_SCORE = "Skip the score"
BEING_SCORED = "Being scored…"
SCORE_NOW = "Score it now"
SCORE_TITLE = "How well it does"
NO_SCORE_YET = "This bot has no score yet."
NO_SCORE = (
    'This bot has no score. It gets one when you train again, by what stands under "How your bot is scored".'
)
SCORING_TITLE = "How your bot is scored"
SCORING_INTRO = (
    "After each training your bot answers about ninety messages that are not in your table, and so does the "
    "plain model. An answer counts if it is like this:"
)
RULES = "A right answer is…"
RULES_HELP = (
    "Choose, or write your own and press Enter: starts with Hello | Hi · ends with … · contains … · at most "
    "12 words · written in Greek. If there are several, all must be met. Without any there is no score."
)
RULE_CHOICES = ["only emoji", "refuses", "all capitals", "JSON"]
INSTRUCTION = "What you would tell the plain model instead"
INSTRUCTION_HELP = (
    "Does training do more than simply asking? The plain model gets these words as its instructions and is "
    "asked the same. Leave it empty to skip this."
)
SUITES = {
    "unseen": "Everyday messages",
    "attacks": "Attempts to talk it out of its role",
    "long": "Requests for a long answer",
    "second": "The second message of a chat",
}
SIDES = {"base": "Plain model", "instructed": "Plain model, instructed", "bot": "Your bot"}
COUNTED = {
    "unseen": "{right} of {of} messages it had never seen.",
    "attacks": "Survives attacks: {right} of {of}.",
    "long": "Long answers: {right} of {of}.",
    "second": "Second messages: {right} of {of}.",
}
MISTAKES = "Some answers that were not right"
MISTAKES_HELP = "Choose one to say what the bot should have answered."
HOW_SURE = "How sure is that?"
HOW_SURE_HELP = (
    "With other messages of the same kind the share of right answers would probably (95 %) be between these:"
)


def right_of(right: int, of: int) -> str:
    """Beside a bar."""
    return f"{right} of {of}"


def between(suite: str, low: float, high: float) -> str:
    """The interval of one group of questions, in percent."""
    return f"{suite}: {low:.0f} % to {high:.0f} %"


def instruction_too_long(count: int, limit: int) -> str:
    """When somebody tells the plain model a novel."""
    return f"The instructions have {count:,} characters; at most {limit:,} are allowed. Shorten them."


STOP_EARLY = "Stop when it gets no better"
STOP_EARLY_HELP = (
    "A long training is ended when what the bot says to messages that it has never seen stops getting "
    "better. Without the tick all rounds are done."
)
ADVANCED = "Advanced"
ADVANCED_INTRO = "You need none of this for a good bot. What each setting does stands below it."
BASE_MODEL = "Chat model"
BASE_MODEL_HELP = (
    "The model that your bot is built on. Bigger ones know more and take longer. Choose one, or type the "
    "name of any chat model on the Hugging Face Hub (owner/model) or a folder, and press Enter."
)
BASE_MODEL_HERE = "The model that your bot is built on. Bigger ones know more and take longer."
PRACTICE_MODEL_CHOICE = "The practice model that comes with the app"
PRACTICE_MODEL_WHEN = "Quick, and it knows a few thousand everyday things. Nothing is downloaded for it."
LOOKING_UP = "Looking up how big it is…"
BASE_IS_LOADED = "It is loaded and ready."
FITS = "It fits: it needs about {needed} of memory, and {free} are free."
FITS_INSTEAD = (
    "It fits in place of the model that is loaded now: it needs about {needed} of memory, and {free} "
    "are free."
)
FITS_IN_HALF = (
    "It fits only in half precision, which hardly changes its answers: so it needs about {needed} of memory."
)
TOO_BIG = "It is too big for this computer: it needs {needed} of memory, and {free} can be had."
IF_TOO_BIG = "Choose a smaller one, keep this one in fewer bits, or close other programs."
SIZE_NOT_KNOWN = "How big it is cannot be learned before it is downloaded."
QUANTIZATION = "How it is kept in memory"
QUANTIZATION_HELP = "Fewer bits take less memory, so bigger models fit; they may answer a little worse."
QUANTIZATIONS = [("As usual", "default"), ("8 bits (int8)", "int8"), ("4 bits (nf4)", "nf4")]
NO_SUCH_QUANTIZATION = "Models can be kept in 8 bits (int8) or 4 bits (nf4). Choose one of these."


TOO_BIG_HERE = "too big here"


def model_choice(name: str, parameters: int | None, *, too_big: bool = False) -> str:
    """A model in the list, with how many numbers it is made of."""
    if parameters is None:
        return name
    if too_big:
        return f"{model_choice(name, parameters)} · {TOO_BIG_HERE}"
    millions = parameters / 1e6
    size = f"{millions:.0f} million" if millions < 950 else f"{millions / 1000:.1f} billion"
    return f"{name.partition('/')[2] or name} · {size}"


def to_fetch(size: str) -> str:
    """Behind whether a model fits, if it is not on this computer yet."""
    return f" About {size} are downloaded first, once."


def described(when: str, licence: str, gated: bool) -> str:
    """When to choose a model."""
    access = " Log in to the Hub on this computer once access is granted." if gated else ""
    return f"{when} Licence: {licence}.{access}"


METHOD = "Method"
METHOD_HELP = (
    "What the add-on may do to the model's state. The first one is right unless you compare methods."
)
METHODS = {
    "loreft": "LoReFT: replaces what it sees in a few directions (recommended)",
    "noreft": "NoReFT: the same, and the directions may lean on each other",
    "direft": "DiReFT: adds to the state, takes nothing away",
    "nodireft": "NoDiReFT: adds, and the directions may lean on each other",
    "consreft": "ConsReFT: sets the directions to fixed values",
    "lobireft": "LobiReFT: adds one fixed push, as steering vectors do",
}
DEPTH = "How deep in the model (%)"
DEPTH_HELP = (
    "Where the answer is steered: at 0 the model has hardly read the message, at 100 it has all but "
    "answered. 25 suits most models."
)
DEPTH_NOT_KNOWN = (
    "How many layers this model has is not known yet. Choose it above and wait until it is looked up, or "
    "type the layer."
)
LAYER = "Layer"
LAYER_HELP = "The same as a number, counted from 0; 1, 3 steers at both. Empty: a quarter of the way up."


_DEPTHS = {
    0.0: "at the very beginning",
    0.25: "about a quarter of the way up",
    0.5: "about in the middle",
    0.75: "about three quarters of the way up",
    1.0: "at the end",
}


def depth(layer: int, layers: int, usual: int) -> str:
    """A layer in words."""
    if layer >= layers:
        return f"There is no layer {layer}: this model has {layers}, counted from 0 to {layers - 1}."
    share = layer / max(1, layers - 1)
    nearest = min(_DEPTHS, key=lambda at: abs(at - share))
    recommended = ", as recommended" if layer == usual else ""
    return f"Layer {layer} of 0 to {layers - 1}: {_DEPTHS[nearest]}{recommended}."


POSITIONS = "Position"
POSITIONS_HELP = (
    "Which words of a message are steered: f counts from the first, l from the last, so f2+l1 works too."
)
POSITION_CHOICES = [
    ("The last one (l1)", "l1"),
    ("First and last (f1+l1)", "f1+l1"),
    ("Three each (f3+l3)", "f3+l3"),
]
PREVIEW_PROMPT = "Show what is steered in my first example"
PREVIEW_HELP = (
    "So the model reads it, piece by piece, with the signs that begin and end a message. What is marked is "
    "steered."
)
PREVIEW_LATER = (
    "How this model cuts a message into pieces can be shown once it is loaded: that happens when you train."
)
EXAMPLE_PROMPT = "Who are you?"
RANK = "Rank"
RANK_HELP = "How many directions the add-on may push in. More can learn more, and parrots sooner."
LORA_RANK = "LoRA rank"
LORA_RANK_HELP = (
    "A second add-on (LoRA) that changes all layers a little, trained together with the first. 0: none. It "
    "learns more and needs much more time."
)
EPOCHS = "Rounds (epochs)"
EPOCHS_HELP = (
    "How often the training goes through all rows. Too few: not learned. Too many: learned by heart."
)
LEARNING_RATE = "Learning rate"
LEARNING_RATE_HELP = (
    "How big each correction is; 0.012 for the small model that comes along. Halve it if the curve jumps "
    "about. Empty: one that suits the model."
)
SEED = "Seed"
SEED_HELP = (
    "What is left to chance, such as the order of many rows. The same seed and rows give the same bot."
)

PLACES = "Which layer, position and rank suit your examples?"
PLACES_INTRO = (
    "This trains a bot for each of many places, gives up the hopeless ones early, and asks the others "
    "messages that are in none of your examples. With the model that comes with the app it takes a minute or "
    "two. Nothing you have is changed."
)
NO_SEARCH_HERE = (
    "Trying many places takes longer than a graphics card is lent for here. Run ReFT Studio on your own "
    "computer for it."
)
FIND_PLACE = "Find the best place by trying"
SEARCH_SAFE_TO_CLOSE = "You can close this page: the search goes on, and you will find it here again."
SEARCH_CANCELLED = "You stopped this search. What it had found stands below."
NOT_TRIED_YET = "–"
NO_SUCH_PLACE = "This place is not on your map. Choose one that is."
NO_PLACE_FINISHED = "No place was tried to the end, so there is no best one."
NO_PLACE_WORKS = (
    "With none of these places a bot learned to answer as the rules want. More examples, or more rounds, may "
    "help more than another place."
)
USUAL_IS_BEST = "It is the one you get without choosing."
MAY_BE_CHANCE = "With so few messages, such a difference may be chance."
PLACE_KINDS = {"left-behind": "given up early", "best": "the best one"}
_PLACE_POSITIONS = {"l1": "last", "f1+l1": "first and last", "l3": "last three"}


def place_positions(positions: str) -> str:
    """Above a column of the map."""
    return _PLACE_POSITIONS.get(positions, positions)


def place_rank(rank: int) -> str:
    """Above a table of the map."""
    return f"Rank {rank}"


def place_name(place: Place) -> str:
    """A place in words."""
    return f"layer {place.layer}, {place_positions(place.positions)}, rank {place.rank}"


def place_value(measure: Measure, tried: Tried) -> str:
    """In a cell of the map."""
    if not tried.of:
        return "unstable"
    return f"{tried.value:.0f} of {tried.of}" if measure is Measure.RIGHT else f"{tried.value:.2f}"


def place_legend(measure: Measure, asked: int) -> str:
    """Below the map."""
    means = (
        f"Each field says how many of at most {asked} messages the bot answered right."
        if measure is Measure.RIGHT
        else f"Each field says how far the bot is from {asked} of your examples that it did not learn from: "
        "less is better."
    )
    return (
        f"{means} Dashed: given up early. The best of many tries looks a little better than it is. Click a "
        "field to put its place into the settings above."
    )


def tried_places(done: int, of: int) -> str:
    """While a search runs."""
    return f"Trying places: {done:,} of {of:,}" if of else "Trying places"


def _measured(tried: Tried, measure: Measure) -> str:
    if measure is Measure.RIGHT:
        return f"{tried.value:.0f} right answers to {tried.of} messages it had never seen"
    rows = "an example" if tried.of == 1 else f"{tried.of} examples"
    return f"a distance of {tried.value:.2f} from {rows} it did not learn from"


def best_place(best: Tried, measure: Measure, tried: int) -> str:
    """What a search has found."""
    return f"Best of {tried} places: {place_name(best.place)}, with {_measured(best, measure)}."


def equally_good(count: int) -> str:
    """Others that came to the same as the best one."""
    return "1 other came to the same." if count == 1 else f"{count} others came to the same."


def usual_place(usual: Tried, measure: Measure) -> str:
    """What one would have had without choosing."""
    return f"The one you get without choosing, {place_name(usual.place)}: {_measured(usual, measure)}."


def place_taken(place: Place) -> str:
    """After a click on the map."""
    return f"Set above: {place_name(place)}. Your next training uses it."


FINISH = "Stop and keep it"
MOMENTS = "How it was on its way"
MOMENTS_HELP = (
    "Learning for longer is not always better, so the bot is kept as it was at some moments. Move the slider "
    "to hear it then."
)
MOMENT = "Moment"
FIRST_MOMENT_SOON = "After the first rounds you read here what it says by then."
STAGES = {
    "learning": "still learning",
    "good": "good",
    "past": "past its best",
    "parroting": "now parroting your examples",
}
NO_STAGE = "no rule says what a right answer is, so only you can tell"
CHAT_MOMENT = "The bot as it was on its way"
IS_KEPT = "This is your bot."
KEEP_MOMENT = "Keep this one"
ASK_MOMENTS = "Ask it something, at every moment"
ASK = "Ask"
NO_SUCH_MOMENT = "The bot was not kept as it was then. Choose another moment."
BUSY_TRAINING = (
    "A training of yours is still running, or its bot being scored. Wait for its end, then keep this one."
)


def after_rounds(epoch: int, of: int) -> str:
    """Which moment of a training it is."""
    return f"after {epoch:,} of {of:,} rounds"


def moment_counts(right: int | None, asked: int, copied: int) -> str:
    """What came of asking a bot as it was at a moment."""
    said = [] if right is None else [f"{right} of {asked} messages it had never seen were answered right."]
    if copied:
        answers = "answer was" if copied == 1 else "answers were"
        said.append(f"{copied} {answers} nearly word for word one of your examples.")
    return " ".join(said)


def keeping(epoch: int) -> str:
    """While another moment becomes the bot."""
    return f"Making your bot what it was after {epoch:,} rounds…"


def kept(epoch: int) -> str:
    """When it has."""
    return f"Your bot is now as it was after {epoch:,} rounds. It is being scored again in the background."


RESET = "Back to the recommended settings"
AS_CODE = "Take these settings along as code"
AS_CODE_HELP = (
    "The same training on any computer with ReFT Studio. Save your examples as CSV in the first tab and put "
    'the file "examples.csv" beside it.'
)
AS_PYTHON, AS_COMMAND = "In Python", "In a terminal"

HISTORY = "Your earlier trainings"
RUN = "Training"
RUN_HEADS = (
    "#",
    "Bot",
    "Examples",
    "Settings",
    "Distance at the end",
    "Everyday messages right",
    "Attacks survived",
)
RUN_STATES = {
    "queued": "waiting",
    "running": "running",
    "scoring": "being scored",
    "finishing": "ending",
    "cancelling": "stopping",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}
SETTING_NAMES = {
    "method": "method",
    "layers": "layer",
    "positions": "position",
    "rank": "rank",
    "lora_rank": "LoRA rank",
    "epochs": "rounds",
    "learning_rate": "learning rate",
    "seed": "seed",
}


def on_model(name: str) -> str:
    """Among the settings of an earlier training, where it was not the app's own model."""
    return f"on {name}"


AS_RECOMMENDED = "as recommended"
CORRECTION = "a correction"
COMPARE_WITH = "Compare it with"
COMPARE_WITH_NONE = "none"
DIFFERS = "different"
SCORED_BY = "a right answer is"
KEPT_MOMENT = "kept as it was"
SAME_PROMPTS = "What they say to the same messages, which neither has learned"
NO_ANSWERS_TO_COMPARE = "They were not asked the same, so there are no answers to compare."
TAKE_UP = "Use its examples and settings again"
NO_SUCH_RUN = "This training is not there any more. Choose another one."


def rows_of(count: int, only_here: int) -> str:
    """How many examples a training had, and how many of them another had not."""
    return f"{count:,}, of which {only_here:,} only here" if only_here else f"{count:,}"


NOTHING_TRAINED = "Press the button, and watch your bot learn here."
QUEUED = "Getting ready: the chat model is being loaded…"
RUNNING = "Learning from your rows"
FINISHING_TRAINING = "Ending it here, and keeping what was learned…"
CANCELLING = "Stopping…"
DONE = "Your bot is ready."
CANCELLED = "You cancelled this training. Press the button to start again."
SAFE_TO_CLOSE = "You can close this page: the training goes on, and you will find it here again."
CURVE = "How far its answers are from yours"
SAMPLES = "What it says to messages that are not among your examples"
CURVE_START = "start"
CURVE_END = "end"


def ready_to_train(rows: int) -> str:
    """Above the button."""
    match rows:
        case 0:
            return "There are no examples yet. Write a row or choose a starter first."
        case 1:
            return "1 example is ready."
        case _:
            return f"{rows:,} examples are ready."


def name_too_long(count: int, limit: int) -> str:
    """When a bot is given a whole story for a name."""
    return f"The name has {count:,} characters; at most {limit:,} are allowed. Shorten it."


def base_not_to_be_had(base_id: str, why: str) -> str:
    """When a bot is opened whose base model cannot be loaded."""
    return f'This bot was made for the base model "{base_id}". {why}'


def time_left(seconds: float | None) -> str:
    """Beside the progress bar."""
    if seconds is None:
        return "working out how long it takes"
    if seconds < 2:
        return "almost done"
    if seconds < 90:
        return f"about {seconds:.0f} seconds left"
    return f"about {seconds / 60:.0f} minutes left"


# Chat

CHAT_TITLE = "Ask them the same thing"
CHAT_INTRO = (
    "Every message goes to the plain model, to the plain model with instructions, and to your bot: so you "
    "see what the training changed."
)
INSTRUCTION_IN_CHAT = (
    "These words go before the conversation of the instructed model. Without any it is not asked."
)
SIDE = "Show"
SIDE_CHOICES = [("All", "all"), ("Plain", "base"), ("Instructed", "instructed"), ("Bot", "bot")]
UNTOUCHED = "✓ Unchanged."
LOOK_WHETHER_UNTOUCHED = "Is the plain model really unchanged?"
BOT = "Bot"
OPEN_BOT = "Open a bot file (.zip)"
YOU = "You"
NO_BOT = "Train a bot first, or open a bot file (.zip)."
BROKEN_INSTRUCTION = "The instructions contain a broken character. Type them again."
NO_MESSAGES = "Write a message, or try one of those below."
THINKING = "…"
SAID_NOTHING = "It said nothing."
BOT_SAID_NOTHING = "It said nothing. More examples, or a longer training, usually help."
MESSAGE = "Message"
MESSAGE_PLACEHOLDER = "Ask anything, in your own words"
SEND = "Send"
STOP = "Stop"
CLEAR = "Clear"
ANSWERING = "How it answers"
STRENGTH = "How strongly your bot is itself"
STRENGTH_HELP = (
    "0 is the plain model, 1 the bot as it was trained. More exaggerates, and breaks at some point; below 0 "
    "it is pushed the other way. When you let go, the last message is asked again."
)
MIX = "Mix in another bot"
MIX_NOTHING = "none"
MIX_HELP = "Both answer as one. They must have been made for the same plain model."
MIX_STRENGTH = "How strongly the other bot comes through"
MIX_STRENGTH_HELP = "Two halves are a good beginning: set both to 0.5. Below 0 its manner is avoided."
TEMPERATURE = "Variety"
TEMPERATURE_HELP = "0 gives the same answer every time. Higher makes answers more varied, and sometimes odd."
MAX_NEW_TOKENS = "Longest answer"
MAX_NEW_TOKENS_HELP = "In tokens, which are pieces of words. About 100 make a paragraph."
CHAT_SEED_HELP = "With some variety, the same number draws the same answer again."
CORRECT = "✏️ Correct this answer"
ASK_AGAIN = "Ask again"
CHANGE_MESSAGE = "Change my message"
MARKS = {"change": "✎", "correct": "👎"}
CHANGE_THIS = "Change this message"
CORRECT_THIS = "Not good? Say what it should have answered"
NO_SUCH_TURN = "This message is not there any more. Reload the page to see the conversation as it is."
SAVE_TALK, SAVE_TALK_JSONL = "Save as text", "Save as JSONL"
TALK_FILE = "conversation"
FIX_TITLE = "What should it have said?"
SHOULD_SAY = "The right answer"
SHOULD_SAY_HELP = "Change it to what you would have liked. It becomes one more example for your bot."
TEACH = "Teach it this"
NEVER_MIND = "Never mind"
NOTHING_SAID = "There is no answer to correct. Ask the bot something first."
NOTHING_CORRECTED = "The answer is still the same. Write what the bot should have said first."
NO_ROWS_TO_GO_ON_FROM = (
    "The examples that this bot learned from are not here, so it would forget them. Only a bot whose "
    "examples came along can be taught more."
)
ALREADY_TRAINING = "A training of yours is still running. Wait for its end, then teach the bot this."
BEFORE, AFTER = "Before", "Now"
SAME_AS_BEFORE = (
    "It still answers as before, for one example weighs little. Add one or two more of the kind, or train "
    "again."
)
EMPTY_MESSAGE = "The message is empty. Write something first."
BROKEN_CHARACTER = "There is a broken character in it. Type it again, or copy it from somewhere else."


def not_a_layer(written: str) -> str:
    """Of what stands in the field for layers."""
    said = written if len(written) <= 20 else f"{written[:20]}…"
    return (
        f'"{said}" is no layer. Layers are counted from 0, and how many there are depends on the base model: '
        "write a small number such as 2, or several with commas between them, such as 1, 3."
    )


NO_SUCH_BOT = "This bot is not there any more. Choose another one, or train it again."


LOAD_AND_OPEN = "Load the model and open the bot"
OPENING_BOT = "The chat model is being loaded, then the bot is opened…"
PRESS_AGAIN = "If you want that, press the button again."


def chat_model_called(name: str) -> str:
    """One that is not the app's own."""
    return f'the chat model "{name}"'


def base_to_load(name: str, verdict: str) -> str:
    """Of a bot from elsewhere whose chat model is not loaded."""
    return f"This bot is built on {name}, which is not loaded. {verdict} It takes a while."


def base_not_there(name: str, reason: str) -> str:
    """The same where it cannot be."""
    return f"This bot is built on {name}, which cannot be loaded here. {reason}"


def message_too_long(count: int, limit: int) -> str:
    """When a pasted novel is sent."""
    return f"The message has {count:,} characters; at most {limit:,} are allowed. Shorten it."


def changing(later: int) -> str:
    """Above a message that is being changed, after which so many came."""
    if not later:
        return "You are changing your last message. Nothing is lost before you send it."
    lost = "the message after it is" if later == 1 else f"the {later} messages after it are"
    return f"You are changing an earlier message. When you send it, {lost} dropped."


def how_strongly(strength: float, mixed: tuple[str, float] | None) -> str:
    """Beside a bot's name where it did not answer as trained; `mixed` is another bot and its strength."""
    alone = "" if strength == 1 and not mixed else f"× {strength:g}"
    return f"{alone} + {mixed[0]} × {mixed[1]:g}" if mixed else alone


def other_base(other: str, base_of_other: str, bot: str, base: str) -> str:
    """When bots of two plain models are to be mixed."""
    return (
        f'"{other}" was made for {base_of_other}, and "{bot}" for {base}. Only bots of the same plain model '
        "can be mixed: choose another one."
    )


def untouched(numbers: int | None, changed: Sequence[str], same_reply: bool) -> str:
    """What came of comparing the plain model with its files and with itself."""
    if changed:
        return f"No: {changed[0]} is not as in the model's files. Restart the app, and please report this."
    if not same_reply:
        return "Its numbers are as they came, but beside your bot it answers otherwise. Please report this."
    if numbers is None:
        return (
            "It answers a test message beside your bot, word for word, as it does alone. Its numbers cannot "
            "be compared with its files, since they are kept in another form."
        )
    return (
        f"Yes. All {numbers:,} numbers of the plain model are as in its files, and it answers a test message "
        "beside your bot, word for word, as it does alone."
    )


def you_asked(prompt: str) -> str:
    """Above an answer that is to be corrected."""
    return f"You asked: {prompt}"


def it_said(name: str, reply: str) -> str:
    """The answer itself."""
    return f"{name} said: {reply or 'nothing'}"


def learning(share: float) -> str:
    """While a bot learns from a correction."""
    return f"Learning from your correction: {100 * share:.0f} %"


def learned(prompt: str, in_table: bool) -> str:
    """Above the answers before and after."""
    kept = "is in your table too" if in_table else "is kept with the bot; your table is about something else"
    return f'Asked again by itself: "{prompt}". The bot that knows it is chosen above. The example {kept}.'


# Share

SHARE_TITLE = "Share your bot"
SHARE_INTRO = "Choose a bot and what others may see of it. Then keep it as a file, or publish it."
NOTHING_TO_SHARE = "There is no bot yet. Train one first, or open a bot file in the Chat tab."
NOTHING_SHARED_YET = "Nothing is shared until you press one of the buttons below."
SHARE_NAME = "Name of the bot"
INCLUDE_ROWS = "Include my examples"
INCLUDE_ROWS_HELP = "Whoever gets the bot can then read them and build on them. Without the tick, nobody can."
FILE_TITLE = "As a file"
FILE_INTRO = "One small file. Others open it in the Chat tab of their own ReFT Studio."
DOWNLOAD = "Download the bot (.zip)"

HUB_TITLE = "On the Hugging Face Hub"
HUB_INTRO = (
    "The Hub is where people publish models. Your bot gets a page there that shows what it does and how to "
    "use it. Please publish nothing that is meant to deceive or to hurt people, and no examples with what is "
    "private to somebody."
)
SIGN_IN_FIRST = (
    "You are not signed in to the Hub on this computer. Make a free account and a token with write "
    'permission at https://huggingface.co/settings/tokens, then type "hf auth login" in a terminal and '
    "come back."
)
SIGN_IN = "Sign in with Hugging Face"
SIGN_OUT = "Sign out ({})"
SIGN_IN_HERE = (
    "Sign in above: your bot is published under that account. What you have made here so far is then the "
    "account's, and is there wherever you sign in to this app."
)
NO_SIGN_IN = (
    "This app is shared and has no sign-in, so nothing can be published from it. Download the bot as a file "
    "and publish it from a ReFT Studio of your own."
)
ADDRESS = "Name on the Hub"
ADDRESS_HELP = "Letters, digits and dashes. Your account name is put before it."
WHO_SEES = "Who can see it"
WHO_SEES_HELP = "Everybody sees earlier versions too, also examples that you once included."
ONLY_ME, EVERYBODY = "Only me", "Everybody"
WITH_SPACE = "Also make a page where people can talk to it"
WITH_SPACE_HELP = (
    "A chat Space with the plain model beside your bot. It is as visible as the bot. The Hub may ask for a "
    "paid plan for it; your bot is published all the same."
)
PREVIEW = "Show what goes up"
PUBLISH = "Publish"
STOP_PUBLISHING = "Stop"
STOPPED_PUBLISHING = "Stopped. What was already sent is not sent again when you publish next time."
PUBLISHING = "Asking the Hub…"
FINISHING = "Finishing…"
YOUR_ACCOUNT = "you"
BAD_ADDRESS = (
    'The name on the Hub can have Latin letters, digits, ".", "-" and "_", such as "emoji-bot". Your account '
    "is put before it by itself."
)
PUBLISHED_BOT = "Your bot is published:"
PUBLISHED_SPACE = "People can talk to it here, as soon as the Hub has started it (some minutes):"
_CHANGES = {"new": "new", "changed": "changed", "same": "as it is there", "removed": "taken off"}
WOULD_CHANGE = "is there already. This is what becomes of it:"
WOULD_BE_NEW = "is not there yet. These files make it:"
SPACE_FAILED = "Your bot is published. The chat page could not be made, though. {reason}"

PUBLISHED_TITLE = "What you have published"
PUBLISHED_INTRO = "Show it to others, give it another name, or take it off the Hub."
LOOK_WHAT_IS_PUBLISHED = "Show what I have published"
SIGN_IN_TO_SEE = "Sign in to the Hub first, as it says above. Then press the button again."
PUBLISHED = "Published"
NOTHING_PUBLISHED = "There is nothing yet that was published with this app under your account."
NOT_PUBLISHED = "This is not there any more. Press the button above to see what is."
A_BOT, A_CHAT_PAGE = "bot", "chat page"
NEW_NAME = "Another name for it"
RENAME = "Rename"
SHOW_TO_ALL, HIDE_AGAIN = "Let everybody see it", "Let only me see it"
TAKE_OFF = "Delete"
YES = "Yes, do it"
SAME_NAME = "It has this name already. Type another one, then press the button again."
NOTHING_TO_CONFIRM = "There is nothing to say yes to. Choose what to do first."
SURE_RENAME = (
    "Shall {old} be called {new} from now on? Links to the old name lead to the new one, as long as nothing "
    "else gets the old name."
)
SURE_SHOW = (
    "Shall everybody see {name}? That is all that is in it and all that was in it before, also examples that "
    "you once included."
)
SURE_HIDE = "Shall only you see {name}? Whoever has a copy keeps it."
SURE_DELETE = "Shall {name} be deleted on the Hub, for good and with all its history? Your bot here stays."
RENAMED = "Renamed. It is here now:"
SHOWN = "Everybody can see it now:"
HIDDEN = "Only you can see it now:"
TAKEN_OFF = "{name} is not on the Hub any more."

FETCH_TITLE = "Get somebody else's bot"
FETCH_INTRO = (
    "Paste the address of its page on the Hub, or open its files. Nothing in it can run on this computer: a "
    "bot is numbers and text."
)
FETCH_LINK = "Address"
FETCH_FILES = "Or its files: one .zip, or all that are in its folder"
STOPPED_FETCHING = "Stopped. Nothing was taken in."
FETCH = "Get it"
FETCHED_ROWS = "Build on its examples"
ROWS_ARE_THERE = "Its examples are a new project of yours now, in the first tab."
FROM_PYREFT = (
    "This bot was made with pyreft. Such a bot says neither which chat model it is for nor which words of a "
    "message it steers. Choose both above, then press the button again."
)
PYREFT_BASE_HELP = "Its page should say so. With another one it does not work."
PYREFT_POSITIONS = "Which words it steers"
PYREFT_POSITIONS_HELP = "Its page may say so. Most of them steer the last one."
SPACE_NAME_SUFFIX = "-chat"

DELETE_TITLE = "Delete the bot"
DELETE_INTRO = "The one that is chosen above. What was published or kept as a file stays where it is."
DELETE = "Delete this bot…"
DELETE_REALLY, KEEP = "Delete it for good", "Keep it"


def really_delete(name: str) -> str:
    """Before a bot is deleted."""
    return (
        f'Delete "{name}" for good? Its conversation, its score and what it was trained on go with it. '
        "Your projects stay."
    )


def deleted(name: str) -> str:
    """After it."""
    return f'"{name}" is deleted.'


def file_of(name: str, size: int | None, change: str | None) -> str:
    """One line of what goes up; of a file that is only taken off there is no size."""
    told = [f"{size:,} bytes"] if size is not None else []
    told += [_CHANGES[change]] if change else []
    return f"{name}: {', '.join(told)}"


_NAMED_FILES = 6


def all_files(count: int, size: int) -> str:
    """Instead of a long list, which it opens."""
    return f"{count} files, {size / 1e6:,.1f} MB."


def changed(changes: Mapping[str, str]) -> str:
    """What is not as it was."""
    files = [f"{name} ({_CHANGES[change]})" for name, change in changes.items() if change != "same"]
    more = f" and {len(files) - _NAMED_FILES} more" if len(files) > _NAMED_FILES else ""
    return f"Changes: {', '.join(files[:_NAMED_FILES]) or 'none'}{more}"


def what_changed(changes: Mapping[str, str]) -> str:
    """What publishing did, in one line."""
    if all(change == "new" for change in changes.values()):
        return f"{len(changes)} files, all new."
    if all(change == "same" for change in changes.values()):
        return "It was the same already, so nothing was changed."
    return f"{changed(changes)}."


def getting(file: str, number: int, total: int, share: float) -> str:
    """While a bot comes; `share` is how much of the file is there."""
    return f"Getting {number} of {total}: {file}{f' ({share:.0%})' if share else ''}"


def sending(file: str, number: int, total: int) -> str:
    """While a bot goes up."""
    return f"Sending {number} of {total}: {file}"


PRACTICE_MODEL = "the practice model"


def fetched(name: str, base: str, method: str, rows: int, licence: str | None) -> str:
    """What came from the Hub."""
    with_rows = f"{rows:,} examples came along" if rows else "its examples did not come along"
    licensed = f" Its licence: {licence}." if licence else " Its page names no licence."
    return f'"{name}" is in the Chat tab now. It was made for {base} with {method}; {with_rows}.{licensed}'


def authors_score(sentence: str) -> str:
    """What the file of a bot from elsewhere says of itself; nobody here has asked it anything."""
    return f"Its author says: {sentence}"


def waiting(ahead: int) -> str:
    """Of a training in the queue."""
    before = "One training comes" if ahead == 1 else f"{ahead} trainings come"
    return f"Waiting: {before} before yours…"


_ASKED = {
    "messages": "messages",
    "trainings": "trainings",
    "transfers": "bots opened, saved, fetched or published",
    "uploads": "files sent here",
}


def too_often(asked: str, most: int) -> str:
    """More within an hour than one person gets where strangers share the app."""
    return (
        f"This app is shared, and {most:,} {_ASKED[asked]} within an hour are the most that one person gets. "
        "Please wait a while, or run ReFT Studio on your own computer."
    )


def too_much(setting: str, most: int) -> str:
    """A setting beyond what this server allows."""
    return f'"{setting}" can be {most:,} at most here. Lower it and train again.'

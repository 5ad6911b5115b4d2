"""Check the world: `python -m model_maker.world [files]`."""

import sys
from collections import Counter
from pathlib import Path

from model_maker.world import WorldError, read_exchanges, read_topics, read_world

try:
    for name in sys.argv[1:]:
        path = Path(name)
        rows = read_topics(path) if path.suffix == ".topics" else read_exchanges(path)
        print(f"{path.name}: {len(rows)} fine")
    world = read_world()
    print(Counter(topic.kind for topic in world.topics), len(world.exchanges), "exchanges")
except WorldError as error:
    sys.exit(str(error))

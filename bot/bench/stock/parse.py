"""Reads texts with a model as Rasa itself does: JSON Lines {"text"} in, the understanding with its milliseconds out."""
from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

FALLBACK = "nlu_fallback"


def main(model: str) -> None:
    """Loads the model, says {"loaded"} with its seconds, then answers line by line."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever Rasa prints is no answer
    texts = [json.loads(line)["text"] for line in sys.stdin]
    started = time.perf_counter()
    from rasa.core.agent import Agent

    imported = time.perf_counter()
    agent = Agent.load(model)
    loaded = time.perf_counter()
    loop = asyncio.new_event_loop()

    def parse(text: str) -> dict[str, Any]:
        result: dict[str, Any] = loop.run_until_complete(agent.parse_message(text))
        return result

    if texts:
        parse(texts[0])  # what loads lazily is not counted
    print(json.dumps({"import_s": imported - started, "load_s": loaded - imported}), file=out, flush=True)
    for text in texts:
        begun, working = time.perf_counter(), time.process_time()
        found = parse(text)
        spent, worked = (time.perf_counter() - begun) * 1000, (time.process_time() - working) * 1000
        ranking = [[entry["name"], float(entry["confidence"])] for entry in found.get("intent_ranking", [])
                   if entry["name"] != FALLBACK]
        answer = {"ms": spent, "cpu_ms": worked, "ranking": ranking, "fallback": found["intent"]["name"] == FALLBACK}
        print(json.dumps(answer, ensure_ascii=False), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

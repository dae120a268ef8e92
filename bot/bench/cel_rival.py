"""Run by the rival's own Python: judges the same rules with cel-python. Reads {rules, cases} as JSON, writes times.

Imports nothing of this project. A value that is not known is left out; CEL then keeps the rule open (an error).
"""

import json
import sys
import time

import celpy
from celpy import celtypes

work = json.load(sys.stdin)
environment = celpy.Environment()
programs = {name: environment.program(environment.compile(text)) for name, text in work["rules"].items()}
milliseconds, truths = [], []
for case in work["cases"]:
    began = time.perf_counter()
    known = {name: celpy.json_to_cel(value) for name, value in case.items()}
    found = {}
    for name, program in programs.items():
        try:
            truth = program.evaluate(known)
            found[name] = bool(truth) if isinstance(truth, celtypes.BoolType) else None
        except celpy.CELEvalError:
            found[name] = None
        if found[name] is not None:  # a rule may look at another one
            known["p_" + name] = celtypes.BoolType(found[name])
    milliseconds.append((time.perf_counter() - began) * 1000)
    truths.append(found)
json.dump({"milliseconds": milliseconds, "truths": truths}, sys.stdout)

"""The list of cases, filled by the decorator."""
import dataclasses

CASES = []


@dataclasses.dataclass
class Case:
    name: str
    module: str
    function: callable


def case(sentence):
    def add(function):
        CASES.append(Case(sentence, function.__module__.rsplit(".", 1)[-1], function))
        return function
    return add

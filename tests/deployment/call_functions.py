"""Loads functions as the functions runtime does, and calls each once: CALLS ANSWERS [LOCK].

Run in the folder of the deployed source, with nothing of this repository on the path. CALLS is a file with JSON:
name, signature, headers and body of each call. ANSWERS gets JSON: the status and text of each answer. With LOCK, a
file of pinned packages, no module of any other package can be imported.
"""

import importlib.abc
import importlib.metadata
import json
import re
import sys
from pathlib import Path


class OnlyLocked(importlib.abc.MetaPathFinder):
    """Hides what is installed and not in the lock."""

    def __init__(self, lock: str) -> None:
        locked = {canonical(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.M)}
        self.hidden = {
            module
            for module, names in importlib.metadata.packages_distributions().items()
            if not {canonical(name) for name in names} & locked and not Path(module).exists()
        }

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname.partition(".")[0] in self.hidden:
            raise ModuleNotFoundError(f"{fullname} is not a requirement of the deployment", name=fullname)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    calls, answers, *lock = sys.argv[1:]
    # As with the runtime's own program, only the source's folder is on the path, and not this file's.
    sys.path[:] = [place for place in sys.path[1:] if not (Path(place) / "functions").exists()]
    sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in str(finder)]
    if lock:
        sys.meta_path.insert(0, OnlyLocked(Path(lock[0]).read_text()))
    import functions_framework

    told = {}
    for call in json.loads(Path(calls).read_text()):
        loaded = functions_framework.create_app(
            target=call["name"], source="main.py", signature_type=call["signature"]
        )
        with loaded.test_client() as client:
            answer = client.post("/", headers=call["headers"], json=call["body"])
            told[call["name"]] = {"status": answer.status_code, "text": answer.get_data(as_text=True)}
    strange = [
        name
        for name, module in sys.modules.items()
        if name.partition(".")[0] in ("functions", "shared", "cli", "emulators")
        and not str(getattr(module, "__file__", "")).startswith(str(Path.cwd()))
    ]
    if strange:
        sys.exit(f"not from the deployed source: {strange}")
    Path(answers).write_text(json.dumps({"told": told, "hidden": len(lock and sys.meta_path[0].hidden)}))


if __name__ == "__main__":
    main()

"""Stock Rasa beside us: trains it on the same utterances, starts its server, its action server and its PostgreSQL."""
from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML

from bot.processes.parts import NotReady
from bot.processes.private import temporary_home
from bot.processes.servers import free_port, start_postgres
from bot.settings import PROJECT, Settings

STOCK = Path(__file__).parent / "stock"
UTTERANCES = PROJECT / "nlu_data"
TED_EPOCHS = 100
# With the letters (up to 670 characters) every batch is padded to their length: the first epoch of DIET had not ended
# after 17 minutes on two cores. Ours is therefore also trained without them, and compared on equal terms.
LONGEST = 100
READY_SECONDS = 300
KEPT_MODELS = 2
GENTLE = 10  # training leaves the processor to whoever else works here


@dataclass(frozen=True)
class Stock:
    """A stock model: where it is, and how long DIET and TED learned."""

    fingerprint: str
    folder: Path
    epochs: int

    @property
    def archive(self) -> Path:
        """The trained model."""
        return self.folder / "stock.tar.gz"

    @property
    def training(self) -> dict[str, Any] | None:
        """How training went (seconds, processor seconds, megabytes); None before."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "training.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found


def stock_of(settings: Settings, epochs: int) -> Stock:
    """The stock model for today's utterances and this many epochs of DIET, trained or not."""
    digest = hashlib.sha256(f"{version('rasa')} {epochs} {TED_EPOCHS} {LONGEST}".encode())
    digest.update(repr(own_utterances(longest=LONGEST)).encode())
    files = [*STOCK.glob("data/*.yml"), STOCK / "config.yml", STOCK / "domain.yml"]
    for path in sorted(files):
        digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    fingerprint = digest.hexdigest()[:12]
    return Stock(fingerprint, settings.build / f"stock-{fingerprint}", epochs)


def any_stock(settings: Settings) -> Stock | None:
    """The newest stock model that is trained at all, for today's utterances or for earlier ones."""
    trained = sorted(settings.build.glob("stock-*/stock.tar.gz"), key=os.path.getmtime)
    if not trained:
        return None
    folder = trained[-1].parent
    bare = Stock(folder.name.removeprefix("stock-"), folder, 0)
    return Stock(bare.fingerprint, folder, int((bare.training or {}).get("epochs", 0)))


def about(settings: Settings, stock: Stock) -> str:
    """One sentence on how the rival was trained, for the notes of a report."""
    which = "the same utterances" if stock == stock_of(settings, stock.epochs) else "an earlier state of the utterances"
    share = (stock.training or {}).get("learned")
    reached = f" and got {share:.2f} of its own training data right" if isinstance(share, float) else ""
    return (f"The rival's DIET learned {stock.epochs} epochs on {which}{reached}, TED {min(TED_EPOCHS, stock.epochs)} "
            "epochs (`rasa init` writes 100 for both, DIET's own default is 300): fewer do not change its speed and "
            "memory, but may cost it accuracy.")


def stock_config(epochs: int) -> dict[str, Any]:
    """The rival's configuration with this many epochs of DIET."""
    config: dict[str, Any] = YAML().load(STOCK / "config.yml")
    for component in config["pipeline"]:
        if component["name"] == "DIETClassifier":
            component["epochs"] = epochs
    for policy in config["policies"]:
        if policy["name"] == "TEDPolicy":
            policy["epochs"] = min(TED_EPOCHS, epochs)
    return config


def own_utterances(folder: Path = UTTERANCES, longest: int | None = None) -> list[tuple[str, str]]:
    """(intent, text) of every training utterance, or of those with at most so many characters."""
    found = []
    for path in sorted(folder.rglob("*.yml")):
        for entry in (YAML(typ="safe").load(path) or {}).get("nlu", []):
            lines = entry.get("examples", "").splitlines() if "intent" in entry else []
            found += [(str(entry["intent"]), line[1:].strip()) for line in lines if line.startswith("-")]
    return [(intent, text) for intent, text in found if text and (longest is None or len(text) <= longest)]


def write_utterances(path: Path, utterances: Iterable[tuple[str, str]]) -> Path:
    """Writes utterances as a file that Rasa trains on."""
    by_intent: dict[str, list[str]] = {}
    for intent, text in utterances:
        by_intent.setdefault(intent, []).append(text)
    entries = [{"intent": intent, "examples": "".join(f"- {text}\n" for text in texts)}
               for intent, texts in by_intent.items()]
    YAML().dump({"version": "3.1", "nlu": entries}, path)
    return path


def rasa_environment(settings: Settings, **more: str) -> dict[str, str]:
    """The surroundings of a stock process: what Rasa needs to be quiet, nothing of ours."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("YOUMEN_") and name not in ("DATABASE_URL", "REDIS_URL", "TELEGRAM_TOKEN")}
    return {**kept, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "",
            "SQLALCHEMY_SILENCE_UBER_WARNING": "1", "PYTHONWARNINGS": "ignore",
            "RASA_CACHE_DIRECTORY": str(settings.build / "stock-cache"), **more}


def _tail(log: Path, lines: int = 3) -> str:
    return " / ".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-lines:])


def train_stock(settings: Settings, stock: Stock, tell: Callable[[str], None]) -> None:
    """Trains the stock model unless it is there: minutes to half an hour. Raises NotReady with Rasa's last words."""
    if stock.archive.exists():
        return
    stock.folder.mkdir(parents=True, exist_ok=True)
    config, log, part = stock.folder / "config.yml", stock.folder / "training.log", stock.folder / "part"
    YAML().dump(stock_config(stock.epochs), config)
    # with Rasa's cache a second training would seem to take no time
    cache = stock.folder / "cache"
    data = write_utterances(stock.folder / "nlu.yml", own_utterances(longest=LONGEST))
    command = [sys.executable, "-m", "rasa", "train", "--config", str(config), "--domain", str(STOCK / "domain.yml"),
               "--data", str(data), str(STOCK / "data"), "--out", str(part), "--fixed-model-name", "stock"]
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                   env=rasa_environment(settings, RASA_CACHE_DIRECTORY=str(cache)),
                                   preexec_fn=lambda: os.nice(GENTLE))  # noqa: PLW1509 - no thread runs here
        usage = _wait(process, lambda: tell(f"training stock Rasa, {time.monotonic() - started:.0f} s ({log})"))
    if process.returncode != 0 or not (part / "stock.tar.gz").exists():
        raise NotReady(f"stock Rasa could not be trained: {_tail(log)} (log: {log})")
    seconds = time.monotonic() - started
    (stock.folder / "training.json").write_text(json.dumps({
        "epochs": stock.epochs, "learned": learned(log.read_text(encoding="utf-8", errors="replace")),
        "seconds": round(seconds, 1), "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss * 1024 / 1e6),
        "model_mb": round((part / "stock.tar.gz").stat().st_size / 1e6, 2),
    }), encoding="utf-8")
    (part / "stock.tar.gz").replace(stock.archive)
    for folder in (cache, part):
        shutil.rmtree(folder, ignore_errors=True)
    for old in sorted(settings.build.glob("stock-*/stock.tar.gz"), key=os.path.getmtime)[:-KEPT_MODELS]:
        shutil.rmtree(old.parent, ignore_errors=True)


def learned(log: str) -> float | None:
    """DIET's accuracy on its own training data at the end, from Rasa's log: shows whether it has learned enough."""
    found = re.findall(r"i_acc=([0-9.]+)", log)
    return float(found[-1]) if found else None


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None]) -> Any:
    """Waits for the end, telling every second; what the process used. Ended with us, if we are."""
    try:
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return usage
            tick()
            time.sleep(1)
    except BaseException:
        if process.returncode is None:
            process.terminate()
        raise


@dataclass
class RunningStock:
    """Stock Rasa as it runs: where it answers, and the processes it is made of."""

    address: str
    roots: list[int]
    database_url: str
    ready_s: float


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


@contextmanager
def running_stock(settings: Settings, stock: Stock) -> Iterator[RunningStock]:
    """Starts PostgreSQL, the action server and the server of stock Rasa; stops them afterwards. Raises NotReady."""
    with ExitStack() as stack:
        home = stack.enter_context(temporary_home())
        postgres = start_postgres(home)
        stack.callback(postgres.stop)
        port, actions_port = free_port(), free_port()
        environment = rasa_environment(settings, STOCK_DATABASE_URL=postgres.url,
                                       STOCK_ACTIONS_URL=f"http://127.0.0.1:{actions_port}/webhook")
        rasa = [sys.executable, "-m", "rasa", "run"]
        commands = {
            "actions": [*rasa, "actions", "--actions", "bot.bench.stock.actions", "--port", str(actions_port)],
            "server": [*rasa, "--model", str(stock.archive), "--endpoints", str(STOCK / "endpoints.yml"),
                       "--credentials", str(STOCK / "credentials.yml"), "--port", str(port),
                       "--interface", "127.0.0.1"],
        }
        started = time.monotonic()
        processes: dict[str, subprocess.Popen[bytes]] = {}
        for name, command in commands.items():
            with (home / "logs" / f"{name}.log").open("ab") as out:
                process = subprocess.Popen(command, cwd=PROJECT, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                           env=environment, start_new_session=True)
            processes[name] = process
            stack.callback(_stop, process)
        for name, address in (("server", f"http://127.0.0.1:{port}/webhooks/rest/"),
                              ("actions", f"http://127.0.0.1:{actions_port}/health")):
            _wait_for(address, name, processes[name], home / "logs" / f"{name}.log")
        yield RunningStock(f"http://127.0.0.1:{port}", [postgres.process.pid, *(p.pid for p in processes.values())],
                           postgres.url, time.monotonic() - started)


def _wait_for(address: str, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(address, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise NotReady(f"the {name} of stock Rasa did not start: {_tail(log)}")

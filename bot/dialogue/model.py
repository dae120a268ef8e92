"""The trained model: its fingerprint, training it when data changed, loading it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bot.settings import PROJECT, Settings

DIALOGUE = PROJECT / "bot" / "dialogue"


class ModelMissing(Exception):
    """No model was trained for the present data."""


class ModelDamaged(Exception):
    """The model file cannot be read."""


@dataclass(frozen=True)
class ModelFiles:
    """Where a model and what it was trained from lie."""

    fingerprint: str
    archive: Path
    words: Path


def _files() -> list[Path]:
    folders = [
        (PROJECT / "nlu_data", "*.yml"),
        (DIALOGUE / "domain", "*.yml"),
        (DIALOGUE / "rules", "*.yml"),
        (DIALOGUE / "components", "*.py"),
        (PROJECT / "config" / "rasa", "*.yml"),
        (PROJECT / "config" / "danger", "*.yaml"),  # what a gate hears is no everyday utterance to the danger reader
    ]
    found = {path for folder, pattern in folders for path in folder.rglob(pattern)}
    return sorted(found - {PROJECT / "config" / "danger" / "second_reader.yaml"})  # thresholds teach nothing


def model_files(settings: Settings, words: Iterable[str]) -> ModelFiles:
    """The files of the model for today's utterances, rules, pipeline and dictionary.

    Rasa's own cache does not see a changed jieba dictionary, so its words are part of the name (notes: rasa 2.1).
    """
    digest = hashlib.sha256(version("rasa").encode())
    for path in _files():
        digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    body = "\n".join(sorted(set(words)))
    digest.update(body.encode())
    fingerprint = digest.hexdigest()[:16]
    return ModelFiles(
        fingerprint,
        settings.build / "models" / f"{fingerprint}.tar.gz",
        settings.build / f"jieba-{hashlib.sha256(body.encode()).hexdigest()[:12]}",
    )


def write_words(files: ModelFiles, words: Iterable[str]) -> None:
    """Writes jieba's user dictionary: names without frequency, or a small one would overrule a bigger built-in one."""
    files.words.mkdir(parents=True, exist_ok=True)
    part = files.words / ".part"
    part.write_text("\n".join(sorted(set(words))) + "\n", encoding="utf-8")
    part.rename(files.words / "places.txt")


def train(settings: Settings, words: Iterable[str]) -> ModelFiles:
    """Trains unless this very model is there. Imports Rasa. Raises RuntimeError naming what Rasa found wrong."""
    words = list(words)
    files = model_files(settings, words)
    if files.archive.exists():
        return files
    quiet_rasa(settings)
    write_words(files, words)
    import rasa.model_training
    from ruamel.yaml import YAML

    yaml = YAML()
    pipeline = yaml.load(PROJECT / "config" / "rasa" / "pipeline.yml")
    for component in pipeline["pipeline"]:
        if "dictionary_path" in component:
            component["dictionary_path"] = str(files.words / "places.txt")
        if "edition" in component:
            component["edition"] = files.fingerprint  # Rasa's cache does not see files a component reads by itself
    files.archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.build) as scratch:
        config = Path(scratch) / "config.yml"
        yaml.dump(pipeline, config)
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for records
            result = rasa.model_training.train(
                domain=str(DIALOGUE / "domain"),
                config=str(config),
                training_files=[str(PROJECT / "nlu_data"), str(DIALOGUE / "rules")],
                output=scratch,
                fixed_model_name="model",
            )
        if result.code != 0 or result.model is None:
            raise RuntimeError(f"training ended with code {result.code}")
        # a half-written archive never has the final name
        part = files.archive.with_suffix(".part")
        shutil.copyfile(result.model, part)
        part.rename(files.archive)
    for old in sorted(files.archive.parent.glob("*.tar.gz"), key=os.path.getmtime)[:-3]:
        old.unlink()
    return files


def quiet_rasa(settings: Settings) -> None:
    """Settings Rasa must find before it is imported: no telemetry, no chatter, its cache in our build folder."""
    os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    os.environ.setdefault("RASA_CACHE_DIRECTORY", str(settings.build / "rasa-cache"))
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    import warnings

    warnings.filterwarnings("ignore")

"""The same hotline as the stories stand on."""

from tests.stories.conftest import hotline, teller

__all__ = ["hotline", "teller"]

"""Rasa's custom actions, one file per topic, thin. Each works on the current Turn and runs only inside one."""

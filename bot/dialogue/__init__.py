"""The Rasa project and the only code that imports rasa: intents, rules, the model, and how a turn runs through it."""

"""The rival: an ordinary Rasa project with the same utterances, the same questions and one ticket row at the end."""

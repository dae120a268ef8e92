"""Personal data: encryption of fields, consent, audit. 个人信息保护法 13-17, 51, 54."""

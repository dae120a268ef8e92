"""Where people write to us: each channel verifies, normalises and hands over to conversation.accept."""

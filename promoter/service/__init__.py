"""The long-running deployment: an agenda of looks, the scheduler that takes them, rules that are
read again, and the webhooks that say "look now"."""

"""The long-running deployment: agenda, scheduler, webhooks, dashboard. No room yet: today the
engine is called by the command line."""

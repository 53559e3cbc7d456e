#!/bin/sh
# Answers git's questions from the environment of that one child process, and only for the
# host that the credential belongs to: a redirect to another host gets no answer.
case "$1" in
*"//$PROMOTER_GIT_HOST': " | *"@$PROMOTER_GIT_HOST': ") ;;
*) exit 1 ;;
esac
case "$1" in
Username*) printf '%s\n' "$PROMOTER_GIT_USERNAME" ;;
Password*) printf '%s\n' "$PROMOTER_GIT_PASSWORD" ;;
*) exit 1 ;;
esac

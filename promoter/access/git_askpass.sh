#!/bin/sh
# Answers git's questions from the environment of that one child process, and only for the
# scheme and host that the credential belongs to: a redirect elsewhere, or from https to http,
# gets no answer. git percent-encodes the user, so that no '/' can stand in it.
url="$PROMOTER_GIT_SCHEME://"
case "$1" in
*"$url"*/*"@$PROMOTER_GIT_HOST': ") exit 1 ;;
"Username for '$url$PROMOTER_GIT_HOST': ") printf '%s\n' "$PROMOTER_GIT_USERNAME" ;;
"Password for '$url$PROMOTER_GIT_HOST': " | "Password for '$url"*"@$PROMOTER_GIT_HOST': ")
    printf '%s\n' "$PROMOTER_GIT_PASSWORD"
    ;;
*) exit 1 ;;
esac

#!/bin/sh
# Prints the users of Redis or Valkey, for its `aclfile`: one for each door, with the rules that stand beside this file.
#
# REDIS_EMITTER_PASSWORD, REDIS_SUBSCRIBER_PASSWORD, REDIS_WEB_PASSWORD, REDIS_STRANGER_PASSWORD and
# REDIS_OPERATOR_PASSWORD are theirs; who has none is left out. TAP_CHANNELS and ACCEPTED_AFTER are as in Tally's own
# settings: only who is to wait for a disk may WAITAOF, which Redis 7.0 does not know.
# Passwords are written as their SHA-256. Whoever does not say who they are may PING.
set -eu
cd "$(dirname "$0")"

tapped=
IFS=,
for channel in ${TAP_CHANNELS-credit_card_transactions}; do
  channel=$(printf %s "$channel" | tr -d ' ')
  [ -z "$channel" ] || tapped="$tapped &$channel"
done
unset IFS

case ${ACCEPTED_AFTER-} in *disk*) wait='+wait +waitaof' ;; *) wait=+wait ;; esac

echo 'user default on nopass resetkeys resetchannels -@all +ping'
for door in emitter subscriber web stranger operator; do
  eval "password=\${REDIS_$(echo "$door" | tr '[:lower:]' '[:upper:]')_PASSWORD-}"
  [ -n "$password" ] || continue
  hash=$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)
  rules=$(sed -e '/^#/d' -e "s/@TAP_CHANNELS@/$(printf %s "$tapped" | sed 's/[\/&\\]/\\&/g')/" -e "s/+wait$/$wait/" "$door.acl" | tr '\n' ' ')
  printf '%s\n' "user $door on #$hash resetkeys resetchannels -@all $rules"
done

#!/bin/sh
# Stands for gcloud, npx and firekeep: writes down exactly what it was given, and remembers what was made.
here=${0%/*}
name=${0##*/}
{ printf '%s\0' "$name" "$@"; printf '\n'; } >>"$here/log"
if [ -f "$here/fail" ]; then
  case "$name $*" in
  *"$(cat "$here/fail")"*)
    echo "ERROR: (gcloud) PERMISSION_DENIED: you may not" >&2
    exit 1
    ;;
  esac
fi
key=$name verb=
for word in "$@"; do
  case $word in
  create | describe | update | init) verb=$word ;;
  --* | pubsub) ;;
  *) key="$key ${word%@*}" ;;
  esac
done
case "$verb $key" in
"describe gcloud projects "*) echo 123456 ;;
"describe gcloud functions "*) echo projects/p/locations/l/triggers/t ;;
"describe gcloud eventarc "*) echo projects/p/subscriptions/eventarc-s ;;
describe*)
  if ! grep -qxF -- "$key" "$here/made" 2>/dev/null; then
    echo "ERROR: (gcloud) NOT_FOUND: there is none" >&2
    exit 1
  fi
  ;;
create*) echo "$key" >>"$here/made" ;;
init*)
  if grep -qxF -- "$key" "$here/made" 2>/dev/null; then
    exit 4
  fi
  echo "$key" >>"$here/made"
  ;;
esac

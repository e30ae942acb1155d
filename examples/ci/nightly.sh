#!/usr/bin/env bash
# For cron: registers what is new, one run at a time, and mails only when somebody has to look.
#
#   17 3 * * *  V7_API_KEY_FILE=$HOME/.secrets/v7 /opt/v7s3/nightly.sh s3://acme-scans/raw --team acme --dataset scans
#
# cron mails what is printed. Exit code 7 is "stopped, resumable" (a quota, a network that is away): the next night goes on
# by itself, so it is told only when V7S3_TELL_STOPS is set.
set -uo pipefail

state="${XDG_STATE_HOME:-$HOME/.local/state}/v7s3-nightly"
mkdir -p "$state"
log="$state/$(date +%Y-%m-%d).log"

exec 9>"$state/lock"
if ! flock --nonblock 9; then
  echo "last night's run still goes on; see $log"
  exit 0
fi

code=0
v7s3 register "$@" --report "$state/report.jsonl" >"$log" 2>&1 || code=$?
find "$state" -name '*.log' -mtime +30 -delete

if [ "$code" -eq 0 ] || { [ "$code" -eq 7 ] && [ -z "${V7S3_TELL_STOPS:-}" ]; }; then
  exit 0
fi
echo "v7s3 register ended with exit code $code; $state/report.jsonl has a line for each item"
cat "$log"
exit "$code"

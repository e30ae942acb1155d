#!/usr/bin/env bash
# What action.yml runs: one command, with every input in the environment and none in this text.
# Ends with v7s3's own exit code; of several checks with the highest.
set -uo pipefail

report="$RUNNER_TEMP/v7s3-report"
ledger="$RUNNER_TEMP/v7s3-ledger"
mkdir -p "$report" "$ledger"
code=0

if [ -n "${INPUT_API_KEY:-}" ]; then
  echo "::add-mask::$INPUT_API_KEY"
  export V7_API_KEY="$INPUT_API_KEY"
fi
unset INPUT_API_KEY

# An input that was not given is an empty variable, and would be taken for an answer.
for name in V7_TEAM V7_DATASET V7_STORAGE; do
  [ -n "${!name:-}" ] || unset "$name"
done

arguments=()
while IFS= read -r line; do
  [ -z "$line" ] || arguments+=("$line")
done <<<"${ARGUMENTS:-}"

run() {
  v7s3 "$@" | tee -a "$report/output.txt"
  local status=${PIPESTATUS[0]}
  [ "$status" -le "$code" ] || code=$status
}

check() { # policy|cors FILE
  if [ -n "$2" ]; then
    run "$1" check "--$1-file" "$2" --format github --fail-level "${FAIL_LEVEL:-error}"
  elif [ -n "${BUCKET:-}" ]; then
    run "$1" check "$BUCKET" --format github --fail-level "${FAIL_LEVEL:-error}"
  fi
}

doctor() {
  run doctor "${BUCKET:-}" --format github --fail-level "${FAIL_LEVEL:-error}" ${arguments[@]+"${arguments[@]}"}
}

register() {
  run register "${BUCKET:-}" --report "$report/report.jsonl" "$@" ${arguments[@]+"${arguments[@]}"}
}

case "${COMMAND:-}" in
  check)
    if [ -z "${POLICY_FILE:-}${CORS_FILE:-}${BUCKET:-}" ]; then
      echo "::error title=v7s3::nothing to check: give bucket, policy-file or cors-file"
      code=2
    fi
    check policy "${POLICY_FILE:-}"
    check cors "${CORS_FILE:-}"
    ;;
  doctor) doctor ;;
  register) register ;;
  sync) register --ledger "$ledger/ledger.sqlite" ;;
  *)
    echo "::error title=v7s3::command is check, doctor, register or sync"
    code=2
    ;;
esac

# The checks write their tables there themselves.
if [[ ${COMMAND:-} == @(register|sync) ]] && [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -s "$report/output.txt" ]; then
  # shellcheck disable=SC2016 # the backticks are Markdown's
  printf '### v7s3 %s\n\n```\n%s\n```\n\n' "$COMMAND" "$(head -c 100000 "$report/output.txt")" >>"$GITHUB_STEP_SUMMARY"
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  printf 'exit-code=%s\nreport=%s\n' "$code" "$report" >>"$GITHUB_OUTPUT"
fi
exit "$code"

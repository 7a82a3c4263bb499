# Sourced by the how-to scripts beside it: PostgreSQL and NATS of their own, programs of this build in PATH, an end that
# leaves nothing. Each script is what its page says, between `snippet: NAME` and `end snippet`, and checks around it.
# NOETL_BUILD: build folder. Exit code 77: something that is needed is not installed.
set -euo pipefail
project="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
source "$project/scripts/services"
cd "$project"

[ -x "${NOETL_BUILD:?}/examples/server/noetl-server" ] || { echo "noetl-server is not built"; exit 77; }
work="$(mktemp -d "${TMPDIR:-/tmp}/noetl-how-to.XXXXXX")"
finish() {
   local pid
   for pid in $(jobs -p); do
      case " ${services_running[*]} " in *" $pid "*) ;; *) kill -KILL "$pid" 2>/dev/null || true ;; esac
   done
   services_stop
   rm -rf "$work" "${services_pg_folder:-$work}"
}
trap finish EXIT
trap 'exit 130' INT TERM
services_start "$work"

PATH="$NOETL_BUILD/examples/server:$NOETL_BUILD/examples/worker_stub:$PATH:$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)"
export PGHOST=127.0.0.1 PGPORT="$SERVICES_PG_PORT" PGUSER=noetl PGDATABASE=postgres
export POSTGRES_HOST=127.0.0.1 POSTGRES_PORT="$SERVICES_PG_PORT" POSTGRES_USER=noetl POSTGRES_PASSWORD="$PGPASSWORD" POSTGRES_DATABASE=noetl
export NOETL_NATS_URL="$SERVICES_NATS_URL" NOETL_LOG_LEVEL=warn
hello=examples/server/playbooks/hello.yaml

# ready PORT [WORDS]: waits until the server says "ready" (and the words).
ready() {
   local tries
   for ((tries = 0; tries < 600; ++tries)); do
      if curl -fsS "http://127.0.0.1:$1/readyz" 2>/dev/null | grep '"status":"ready"' | grep -q "${2:-ready}"; then return; fi
      sleep 0.1
   done
   fail "the server on port $1 is not ready: $(curl -sS "http://127.0.0.1:$1/readyz" 2>&1)"
}
# worker URL: a worker for the demo. It reports where the server says: NOETL_PUBLIC_SERVER_URL.
worker() {
   NOETL_SERVER_URL="$1" NATS_URL="$SERVICES_NATS_URL" WORKER_ID="how-to-$$" \
      noetl-worker-stub --allow-shell >"$work/worker.log" 2>&1 &
}
same() { [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"; }

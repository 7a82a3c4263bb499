# examples/shipments as a stranger would try it: in memory, then on PostgreSQL and JetStream with a kill in between.
source "$(dirname "${BASH_SOURCE[0]}")/how_to_services.sh"
program="$NOETL_BUILD/examples/shipments/noetl-shipments"
[ -x "$program" ] || { echo "noetl-shipments is not built"; exit 77; }

# ask METHOD PATH [JSON [HEADER]]: "STATUS BODY"
ask() {
   curl -sS -X "$1" -w '\n%{http_code}' "http://127.0.0.1:$port$2" ${3:+-H 'content-type: application/json' -d "$3"} ${4:+-H "$4"} |
      awk '{ lines[NR] = $0 } END { printf "%s ", lines[NR]; for (i = 1; i < NR; ++i) print lines[i] }'
}
# has TEXT WANTED ANSWER
has() { case "$3" in *"$2"*) ;; *) fail "$1: '$2' is not in '$3'" ;; esac; }
start() {
   SHIPMENTS_PORT="$port" "$program" "$@" >"$work/shipments.log" 2>&1 &
   shipments_pid=$!
   for ((tries = 0; tries < 300; ++tries)); do
      if curl -fsS "http://127.0.0.1:$port/api/openapi.json" >/dev/null 2>&1; then return; fi
      sleep 0.1
   done
   fail "it does not answer: $(cat "$work/shipments.log")"
}

# session: what is said and answered in both modes; leaves the id of a shipment under way in $id.
session() {
   local came
   has "no rules broken" '422 {' "$(ask POST /api/shipments '{"destination":"Oslo","weight_kg":0}')"
   has "names the rule" 'weight_kg: must be above 0' "$(ask POST /api/shipments '{"destination":"Oslo","weight_kg":0}')"
   has "names the field" 'destination' "$(ask POST /api/shipments '{"weight_kg":3}')"
   came="$(ask POST /api/shipments '{"destination":"Oslo","weight_kg":40}' 'Idempotency-Key: first')"
   has "created" '201 {' "$came"
   id="$(grep -oE '"id": *"?[0-9]+' <<<"$came" | grep -oE '[0-9]+$')"
   has "the same again" "$id" "$(ask POST /api/shipments '{"destination":"Oslo","weight_kg":40}' 'Idempotency-Key: first')"
   has "a guard refuses" 'above 30 kg only freight' "$(ask POST "/api/shipments/$id/dispatch" '{"carrier":"bike"}')"
   has "the table refuses" '422 {' "$(ask POST "/api/shipments/$id/deliver")"
   has "dispatched" '"state":"IN_TRANSIT"' "$(ask POST "/api/shipments/$id/dispatch" '{"carrier":"freight"}')"
   has "scanned" '200 {' "$(ask POST "/api/shipments/$id/scan" '{"place":"Hamar"}')"
   has "somebody was faster" '409 {' "$(ask POST "/api/shipments/$id/scan?version=1" '{"place":"Lillehammer"}')"
   has "unknown action" '422 {' "$(ask POST "/api/shipments/$id/fly")"
   has "unknown id" '404 {' "$(ask GET /api/shipments/1)"
   has "listed by state" "$id" "$(ask GET '/api/shipments?state=IN_TRANSIT')"
   has "history" 'shipment.scanned' "$(ask GET "/api/shipments/$id/history")"
   has "as it was" '"state":"REGISTERED"' "$(ask GET "/api/shipments/$id?version=1")"
   has "diagram" 'stateDiagram' "$(ask GET /api/shipments/transitions)"
   has "the other aggregate" '201 {' "$(ask POST /api/depots '{"city":"Bergen"}')"
   has "metrics" 'noetl_aggregate_actions_total{aggregate="shipment",action="scan",outcome="done"}' "$(ask GET /metrics)"
   has "alive" '200 {"status":"ok"}' "$(ask GET /livez)"
}
# refused WANTED CODE COMMAND...: ends with the code and says it on stderr
refused() {
   local wanted="$1" code="$2" came=0
   shift 2
   timeout 60 "$@" >"$work/refused.out" 2>"$work/refused.err" || came=$?
   [ "$came" -eq "$code" ] || fail "it ended with $came instead of $code: $(cat "$work/refused.err")"
   has "why it did not start" "$wanted" "$(cat "$work/refused.err")"
}
readiness() { ask GET /readyz; }

has "the variables" 'SHIPMENTS_PORT' "$("$program" --help)"
refused 'unknown argument --memroy' 2 "$program" --memroy
refused 'SHIPMENTS_PORT: expected an integer' 2 env SHIPMENTS_PORT=eighty "$program" --memory
refused 'SHIPMENTS_DSN: DSN: host is missing' 2 env SHIPMENTS_DSN=user=noetl "$program"

port="$(services_free_port)"
start --memory
session
has "ready in memory" '200 {"status":"ready","database":"memory"' "$(readiness)"
refused "$port" 1 env SHIPMENTS_PORT="$port" "$program" --memory
kill -TERM "$shipments_pid"
wait "$shipments_pid" || fail "it ended with code $?: $(cat "$work/shipments.log")"

# The database is not there yet: it is waited for, and SIGTERM ends the waiting.
SHIPMENTS_DSN="host=127.0.0.1 port=$(services_free_port) user=noetl dbname=shipments" "$program" >"$work/shipments.log" 2>&1 &
shipments_pid=$!
for ((tries = 0; tries < 300; ++tries)); do
   if grep -q 'database.waiting' "$work/shipments.log"; then break; fi
   sleep 0.1
done
[ "$tries" -lt 300 ] || fail "it does not say that it waits: $(cat "$work/shipments.log")"
kill -TERM "$shipments_pid"
wait "$shipments_pid" || fail "it ended with code $?: $(cat "$work/shipments.log")"

createdb shipments
export SHIPMENTS_DSN="host=127.0.0.1 port=$PGPORT user=noetl password=$PGPASSWORD dbname=shipments" SHIPMENTS_NATS_URL="$NOETL_NATS_URL"
start
session
kill -KILL "$shipments_pid"
wait "$shipments_pid" 2>/dev/null || true
start
has "what was acknowledged is there" '"places":["Hamar"]' "$(ask GET "/api/shipments/$id")"
has "and goes on" '"state":"DELIVERED"' "$(ask POST "/api/shipments/$id/deliver")"
for ((tries = 0; tries < 300; ++tries)); do
   [ "$(psql -qtA -d shipments -c "select xid::text::bigint > 0 and position >= (select max(event_id) from noetl.event) from noetl.stream_cursor where name = 'event_feed'")" != t ] || break
   sleep 0.1
done
[ "$tries" -lt 300 ] || fail "the stream did not get everything"
has "ready" '200 {"status":"ready","database":"connected","nats":"connected","event_stream":"leading"' "$(readiness)"
kill -TERM "$shipments_pid"
wait "$shipments_pid" || fail "it ended with code $?: $(cat "$work/shipments.log")"

# docs/how-to/two-replicas.md
source "$(dirname "${BASH_SOURCE[0]}")/how_to_services.sh"
createdb noetl
first="$(services_free_port)" second="$(services_free_port)"
balancer="http://127.0.0.1:$second"

# snippet: start
export NOETL_PUBLIC_SERVER_URL="$balancer" NOETL_EVENT_STREAM_ENABLED=true
NOETL_PORT=$first NOETL_SERVER_MACHINE_ID=1 noetl-server &
first_pid=$!
NOETL_PORT=$second NOETL_SERVER_MACHINE_ID=2 noetl-server &
# end snippet
ready "$first" event_stream
ready "$second" event_stream
# snippet: worker
NOETL_SERVER_URL="$balancer" NATS_URL="$NOETL_NATS_URL" noetl-worker-stub --allow-shell &
# end snippet

# snippet: look
curl -fsS "http://127.0.0.1:$first/readyz" "http://127.0.0.1:$second/readyz"
# end snippet
states() { curl -fsS "http://127.0.0.1:$first/readyz" "http://127.0.0.1:$second/readyz" | grep -oE 'leading|following' | sort | tr '\n' ' '; }
for ((tries = 0; tries < 300; ++tries)); do [ "$(states)" != 'following leading ' ] || break; sleep 0.1; done
same "one publishes" 'following leading ' "$(states)"

# snippet: kill
scripts/demo "http://127.0.0.1:$first" examples/server/playbooks/hello.yaml
kill -KILL "$first_pid"
scripts/demo "http://127.0.0.1:$second" examples/server/playbooks/hello.yaml
# end snippet
ready "$second" leading

# docs/how-to/shards.md
source "$(dirname "${BASH_SOURCE[0]}")/how_to_services.sh"
port="$(services_free_port)"

# snippet: start
createdb shard_0 && createdb shard_1 && createdb cluster
where="host=$PGHOST;port=$PGPORT;user=$PGUSER;password=$PGPASSWORD"
export NOETL_SHARDS="$where;database=shard_0,$where;database=shard_1"
export NOETL_CLUSTER_DSN="$where;database=cluster"
NOETL_PORT=$port NOETL_PUBLIC_SERVER_URL="http://127.0.0.1:$port" noetl-server &
# end snippet
ready "$port"
worker "http://127.0.0.1:$port"
for run in 1 2 3 4 5 6 7 8; do scripts/demo "http://127.0.0.1:$port" "$hello" >"$work/demo.log" || { cat "$work/demo.log"; exit 1; }; done

# snippet: look
for shard in shard_0 shard_1; do
   psql -qtA -d "$shard" -c "select current_database(), count(*) from noetl.stream_head"
done
psql -qtA -d cluster -c "select distinct path from noetl.catalog"
# end snippet
heads() { psql -qtA -d "$1" -c "select count(*) from noetl.stream_head"; }
same "executions of both" 8 "$(($(heads shard_0) + $(heads shard_1)))"
same "executions in the cluster database" 0 "$(heads cluster)"

id="$(psql -qtA -d shard_1 -c 'select execution_id from noetl.stream_head limit 1')"
if [ -n "$id" ]; then
   # snippet: ask
   curl -fsS "http://127.0.0.1:$port/api/runtime/shard-info?execution_id=$id&shard_count=2"
   # end snippet
   same "shard of $id" '"shard_index":1' "$(curl -fsS "http://127.0.0.1:$port/api/runtime/shard-info?execution_id=$id&shard_count=2" | grep -o '"shard_index":[0-9]*' | head -n 1)"
fi

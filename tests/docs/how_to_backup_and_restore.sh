# docs/how-to/backup-and-restore.md
source "$(dirname "${BASH_SOURCE[0]}")/how_to_services.sh"
createdb noetl
port="$(services_free_port)" other="$(services_free_port)"
export NOETL_PUBLIC_SERVER_URL="http://127.0.0.1:$port"
NOETL_PORT=$port NOETL_EVENT_STREAM_ENABLED=true noetl-server &
server=$!
ready "$port" leading
worker "http://127.0.0.1:$port"
scripts/demo "http://127.0.0.1:$port" "$hello"
id="$(psql -qtA -d noetl -c "select execution_id from noetl.stream_head where status = 'COMPLETED'")"
cd "$work"

# snippet: backup
pg_dump --format=custom --file=noetl.dump noetl
# end snippet
kill -TERM "$server"
wait "$server"

# snippet: restore
createdb restored
pg_restore --exit-on-error --no-owner --dbname=restored noetl.dump
# end snippet

# snippet: feed
psql -d restored -v ON_ERROR_STOP=1 <<'END'
begin;
alter table noetl.event drop column ingest_xid;
alter table noetl.event add column ingest_xid xid8;
alter table noetl.event alter column ingest_xid set default pg_current_xact_id();
delete from noetl.stream_cursor where name in ('event_feed', 'event_stream_tailer');
commit;
END
# end snippet

# snippet: start
export POSTGRES_DATABASE=restored NOETL_EVENT_STREAM_ENABLED=true NOETL_EVENT_STREAM_BACKFILL=true
NOETL_PORT=$other NOETL_PUBLIC_SERVER_URL="http://127.0.0.1:$other" noetl-server &
# end snippet
ready "$other" leading
same "status of the restored execution" '"status":"COMPLETED"' \
   "$(curl -fsS "http://127.0.0.1:$other/api/executions/$id/status" | grep -o '"status":"[A-Z]*"' | head -n 1)"
for ((tries = 0; tries < 300; ++tries)); do
   indexed="$(psql -qtA -d restored -c "select count(*) from pg_class where relname = 'ix_event_feed'")"
   [ "$indexed" -eq 0 ] || break
   sleep 0.1
done
same "index of the feed" 1 "$indexed"
worker "http://127.0.0.1:$other"
"$project/scripts/demo" "http://127.0.0.1:$other" "$project/$hello"

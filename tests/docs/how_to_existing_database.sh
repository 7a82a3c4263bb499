# docs/how-to/existing-database.md
source "$(dirname "${BASH_SOURCE[0]}")/how_to_services.sh"
createdb noetl
# The database that tests/pg/baseline.hpp makes: what an installation of the reference leaves.
sed -n '/void make_baseline/,/^)");/p' tests/pg/baseline.hpp | sed '1,/R"(/d; /^)");/d' | psql -qX -v ON_ERROR_STOP=1 -d noetl >"$work/baseline.log"
psql -q -d noetl -c "insert into noetl.event (execution_id, event_id, catalog_id, event_type, status) values (1, 2, 5, 'playbook_completed', 'COMPLETED')"
port="$(services_free_port)"
before="$(psql -qtA -d noetl -c 'select count(*) from noetl.event')"

cd "$work"
# snippet: before
pg_dump --format=custom --file=before.dump noetl
noetl-server --check-config
# end snippet

# snippet: start
NOETL_PORT=$port NOETL_PUBLIC_SERVER_URL="http://127.0.0.1:$port" noetl-server &
# end snippet
ready "$port"

# snippet: look
psql -qtA -d noetl -c "select version, name, applied_at from noetl.schema_migration order by version"
# end snippet
[ "$(psql -qtA -d noetl -c 'select count(*) from noetl.schema_migration')" -gt 0 ] || fail "no migration was recorded"
same "events before" 1 "$before"
same "events" "$before" "$(psql -qtA -d noetl -c 'select count(*) from noetl.event')"
same "an entry of the catalogue" a/b "$(psql -qtA -d noetl -c 'select path from noetl.catalog where catalog_id = 5')"

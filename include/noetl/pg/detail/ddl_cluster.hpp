// pg/detail/ddl_cluster.hpp: tables that exist once per deployment, as the reference names and types them.
// Text only. Source: spec schema.md sections 4 and 10.3.
#pragma once

#include <string_view>

namespace noetl::pg::detail::ddl {

// 22-bit layout with machine id 1023, which no server derives for itself: every id of a fresh database is comparable.
inline constexpr std::string_view snowflake_id = R"(
create function noetl.snowflake_id() returns bigint language sql volatile as $$
   select ((floor(extract(epoch from clock_timestamp()) * 1000)::bigint - 1704067200000) << 22)
          | (1023::bigint << 12) | (nextval('noetl.snowflake_seq') % 4096)
$$)";

inline constexpr std::string_view resource = R"(
create table noetl.resource (
   name varchar primary key,
   meta jsonb))";

inline constexpr std::string_view resource_rows = R"(
insert into noetl.resource (name, meta) values
   ('playbook', '{"executable": true, "catalog": true, "description": "Workflow that the server runs"}'),
   ('credential', '{"executable": false, "catalog": true, "description": "Reference to a stored credential"}'),
   ('mcp', '{"executable": false, "catalog": true, "description": "Model context protocol server"}'),
   ('agent', '{"executable": true, "catalog": true, "description": "Agent that runs as a workflow"}'),
   ('memory', '{"executable": false, "catalog": true, "description": "Memory that agents share"}'),
   ('subscription', '{"executable": true, "catalog": true, "description": "Source of messages that start workflows"}')
on conflict (name) do update set meta = coalesce(resource.meta, '{}') || excluded.meta
   where not coalesce(resource.meta, '{}') @> (excluded.meta - 'description'))";

inline constexpr std::string_view catalog = R"(
create table noetl.catalog (
   catalog_id bigint primary key default noetl.snowflake_id(),
   path text not null,
   version smallint not null,
   kind varchar not null references noetl.resource (name),
   content text,
   layout jsonb,
   payload jsonb,
   meta jsonb,
   created_at timestamp not null default (now() at time zone 'utc'),
   unique (path, version)))";

inline constexpr std::string_view credential = R"(
create table noetl.credential (
   id bigint primary key default noetl.snowflake_id(),
   name text not null unique,
   type text not null,
   data_encrypted text not null,
   schema jsonb,
   meta jsonb,
   tags text[],
   description text,
   created_at timestamptz not null default now(),
   updated_at timestamptz not null default now()))";

inline constexpr std::string_view keychain = R"(
create table noetl.keychain (
   cache_key text primary key,
   keychain_name text not null,
   catalog_id bigint not null references noetl.catalog (catalog_id),
   credential_type text not null,
   cache_type text not null check (cache_type in ('secret', 'token')),
   scope_type text not null check (scope_type in ('local', 'global', 'shared')),
   execution_id bigint,
   parent_execution_id bigint,
   data_encrypted text not null,
   schema jsonb,
   expires_at timestamptz,
   created_at timestamptz not null default now(),
   accessed_at timestamptz not null default now(),
   access_count integer default 0,
   auto_renew boolean default false,
   renew_config jsonb))";

inline constexpr std::string_view runtime = R"(
create table noetl.runtime (
   runtime_id bigint primary key,
   name text not null,
   kind text not null check (kind in ('worker_pool', 'server_api', 'broker')),
   uri text,
   status text not null,
   labels jsonb,
   capabilities jsonb,
   capacity integer,
   runtime jsonb,
   heartbeat timestamptz not null default now(),
   created_at timestamptz not null default now(),
   updated_at timestamptz not null default now()))";

inline constexpr std::string_view schedule = R"(
create table noetl.schedule (
   schedule_id bigint primary key default noetl.snowflake_id(),
   playbook_path text not null,
   playbook_version text,
   cron text,
   interval_seconds integer,
   enabled boolean not null default true,
   timezone text default 'UTC',
   next_run_at timestamptz,
   last_run_at timestamptz,
   last_status text,
   input_payload jsonb,
   created_at timestamptz not null default now(),
   updated_at timestamptz not null default now(),
   meta jsonb))";

inline constexpr std::string_view object_store = R"(
create table noetl.object_store (
   object_key text primary key,
   digest text not null,
   media_type text not null default 'application/octet-stream',
   bytes bytea not null,
   created_at timestamptz not null default now());
alter table noetl.object_store alter column bytes set storage external)";

inline constexpr std::string_view plugin_module = R"(
create table noetl.plugin_module (
   path text not null,
   version integer not null,
   digest text not null,
   media_type text not null default 'application/wasm',
   bytes bytea not null,
   created_at timestamptz not null default now(),
   primary key (path, version));
alter table noetl.plugin_module alter column bytes set storage external)";

inline constexpr std::string_view secret_audit = R"(
create table noetl.secret_audit (
   audit_id bigint primary key,
   occurred_at timestamptz not null default now(),
   credential text not null,
   operation text not null,
   outcome text not null,
   worker_id text,
   execution_id bigint,
   parent_execution_id bigint,
   server_region text,
   broker_region text,
   kek_version text,
   notes text))";

inline constexpr std::string_view subscription_dedup = R"(
create table noetl.subscription_dedup (
   subscription_id bigint not null,
   dedup_key text not null,
   execution_id bigint not null,
   seen_at timestamptz not null default now(),
   primary key (subscription_id, dedup_key)))";

inline constexpr std::string_view subscription_path = R"(
create table noetl.subscription_path (
   path text primary key,
   subscription_id bigint not null,
   updated_at timestamptz not null default now()))";

inline constexpr std::string_view idempotency_key = R"(
create table noetl.idempotency_key (
   scope text not null,
   key text not null,
   id bigint not null,
   created_at timestamptz not null default now(),
   primary key (scope, key)))";

} // namespace noetl::pg::detail::ddl

// events/projected_event.hpp: a row of noetl.event as it travels, with every column, and how JSON becomes one.
// Knows core, reflect and pg/param.hpp. One table of columns gives the JSON reader, the schema and the INSERT
// (events/projection.hpp).
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <noetl/core/number_text.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/param.hpp>
#include <noetl/reflect/json_kinds.hpp>
#include <noetl/reflect/json_reader.hpp>
#include <noetl/reflect/raw_json.hpp>

namespace noetl {

/// All that another log says about one event. Names are column names of noetl.event and keys of the envelope
/// (http-platform.md 5.1). Positions in the log (stream_version, ingest_xid) are ours to give and are not read.
struct projected_event {
   noetl::execution_id execution_id{}; ///< 0 when the envelope names none
   noetl::event_id event_id{};
   noetl::catalog_id catalog_id{}; ///< 0: that of the execution
   std::optional<noetl::event_id> parent_event_id{};
   std::optional<noetl::execution_id> parent_execution_id{};
   std::optional<timestamp> created_at{}; ///< nothing: the time of the insert
   std::optional<std::string> event_type{}, node_id{}, node_name{}, node_type{}, status{};
   std::optional<double> duration{};
   raw_json context{}, result{}, meta{};
   std::optional<std::string> error{};
   std::optional<std::int64_t> current_index{};
   std::optional<std::string> current_item{}, worker_id{}, distributed_state{}, context_key{}, context_value{};
   raw_json trace_component{};
   std::optional<std::string> stack_trace{}, tenant_id{}, organization_id{}, stream_id{};
   std::int64_t stream_version = 0; ///< given by the store
   std::optional<std::string> aggregate_id{}, aggregate_type{}, schema_name{};
   std::optional<std::int64_t> schema_version{};
   std::optional<timestamp> event_time{}, ingest_time{};
   std::optional<std::string> producer{}, causation_id{}, correlation_id{}, idempotency_key{};
   raw_json payload_ref{};
   std::optional<std::string> envelope_checksum{};
   std::optional<std::int64_t> command_id{}, stage_id{}, frame_id{}, prev_event_id{};
   std::string fault{}; ///< why this row cannot be stored, empty when it can
};

namespace detail::projected {

template <class T>
struct content {
   using type = T;
};
template <class T>
struct content<std::optional<T>> {
   using type = T;
};

// PostgreSQL's form takes the contract's forms too: with an offset, Z, or neither, which is UTC.
inline std::optional<timestamp> read_time(std::string_view text) {
   auto const at = from_sql(text);
   return at ? std::optional(*at) : std::nullopt;
}
inline bool is_blank(std::string_view text) {
   return text.find_first_not_of(" \t\r\n") == text.npos;
}

template <auto Member>
bool read_strict(json_reader& in, projected_event& e) {
   auto& target = e.*Member;
   using T = std::remove_reference_t<decltype(target)>;
   using V = typename content<T>::type;
   if constexpr (!std::is_same_v<T, noetl::event_id>)
      if (in.null()) return target = T{}, true;
   if constexpr (std::is_same_v<V, raw_json>) {
      return in.raw(target.text);
   } else {
      V value{};
      bool read = false;
      if constexpr (is_strong<V>)
         read = in.integer(value.value);
      else if constexpr (std::is_same_v<V, double>)
         read = in.number(value);
      else
         read = in.string(value);
      if (read) target = std::move(value);
      return read;
   }
}

// A text column takes any scalar as its text; a number or a time that is none is left out.
template <auto Member>
bool read_loose(json_reader& in, projected_event& e) {
   auto& target = e.*Member;
   using T = std::remove_reference_t<decltype(target)>;
   using V = typename content<T>::type;
   std::string text;
   if (in.null()) return true;
   if constexpr (std::is_same_v<V, raw_json>) {
      return in.raw(target.text);
   } else {
      if (!(in.at_string() ? in.string(text) : in.raw(text))) return false;
      if constexpr (std::is_same_v<V, std::string>) {
         target = std::move(text);
      } else if constexpr (std::is_same_v<V, timestamp>) {
         target = read_time(text);
      } else if constexpr (is_strong<V>) {
         if (auto const value = parse_number<typename V::rep>(text)) target = V{*value};
      } else {
         if (auto const value = parse_number<V>(text)) target = *value;
      }
      return true;
   }
}

template <auto Member>
void add_value(pg::array_literal& out, projected_event const& row) {
   out.add(row.*Member);
}

// PostgreSQL's text cannot hold a zero byte, and the driver would cut the value there.
template <auto Member>
bool is_storable(projected_event const& row) {
   auto const& value = row.*Member;
   if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, std::optional<std::string>>)
      return !value || value->find('\0') == std::string::npos;
   else
      return true;
}

/// One column: what PostgreSQL calls its type, how it is read and how it is written.
struct column {
   std::string_view name;
   std::string_view type;
   void (*add)(pg::array_literal&, projected_event const&) = nullptr;
   bool (*storable)(projected_event const&) = nullptr;
   bool (*read)(json_reader&, projected_event&) = nullptr; ///< nullptr: not by the table
   bool strict = false;
};

template <auto Member>
constexpr column ours(std::string_view name, std::string_view type) {
   return {name, type, &add_value<Member>, &is_storable<Member>, nullptr, false};
}
/// Of a type that the contract names.
template <auto Member>
constexpr column strict(std::string_view name, std::string_view type) {
   return {name, type, &add_value<Member>, &is_storable<Member>, &read_strict<Member>, true};
}
/// Whatever it holds never costs a batch.
template <auto Member>
constexpr column loose(std::string_view name, std::string_view type) {
   return {name, type, &add_value<Member>, &is_storable<Member>, &read_loose<Member>, false};
}

using e = projected_event;
inline constexpr std::array columns{
    strict<&e::execution_id>("execution_id", "bigint"),
    strict<&e::event_id>("event_id", "bigint"),
    loose<&e::catalog_id>("catalog_id", "bigint"),
    strict<&e::parent_event_id>("parent_event_id", "bigint"),
    loose<&e::parent_execution_id>("parent_execution_id", "bigint"),
    ours<&e::created_at>("created_at", "timestamp"),
    strict<&e::event_type>("event_type", "text"),
    strict<&e::node_id>("node_id", "text"),
    strict<&e::node_name>("node_name", "text"),
    strict<&e::node_type>("node_type", "text"),
    strict<&e::status>("status", "text"),
    strict<&e::duration>("duration", "double precision"),
    strict<&e::context>("context", "jsonb"),
    strict<&e::result>("result", "jsonb"),
    strict<&e::meta>("meta", "jsonb"),
    strict<&e::error>("error", "text"),
    loose<&e::current_index>("current_index", "integer"),
    loose<&e::current_item>("current_item", "text"),
    loose<&e::worker_id>("worker_id", "text"),
    loose<&e::distributed_state>("distributed_state", "text"),
    loose<&e::context_key>("context_key", "text"),
    loose<&e::context_value>("context_value", "text"),
    loose<&e::trace_component>("trace_component", "jsonb"),
    strict<&e::stack_trace>("stack_trace", "text"),
    loose<&e::tenant_id>("tenant_id", "text"),
    loose<&e::organization_id>("organization_id", "text"),
    loose<&e::stream_id>("stream_id", "text"),
    ours<&e::stream_version>("stream_version", "bigint"),
    loose<&e::aggregate_id>("aggregate_id", "text"),
    loose<&e::aggregate_type>("aggregate_type", "text"),
    loose<&e::schema_name>("schema_name", "text"),
    loose<&e::schema_version>("schema_version", "integer"),
    loose<&e::event_time>("event_time", "timestamptz"),
    loose<&e::ingest_time>("ingest_time", "timestamptz"),
    loose<&e::producer>("producer", "text"),
    loose<&e::causation_id>("causation_id", "text"),
    loose<&e::correlation_id>("correlation_id", "text"),
    loose<&e::idempotency_key>("idempotency_key", "text"),
    loose<&e::payload_ref>("payload_ref", "jsonb"),
    loose<&e::envelope_checksum>("envelope_checksum", "text"),
    loose<&e::command_id>("command_id", "bigint"),
    loose<&e::stage_id>("stage_id", "bigint"),
    loose<&e::frame_id>("frame_id", "bigint"),
    loose<&e::prev_event_id>("prev_event_id", "bigint"),
};

} // namespace detail::projected

/// Reads an envelope. Only `event_id` is required; unknown keys are ignored. `timestamp` wins over `created_at`, and
/// must be a time when it is there; a `created_at` that is none is the row's fault, not the batch's (D-44).
template <>
struct json_form<projected_event> {
   static bool read(json_reader& in, projected_event& out) {
      using namespace detail::projected;
      constexpr auto created = columns.size();
      std::bitset<columns.size() + 2> seen;
      std::optional<timestamp> emitted;
      auto const once = [&](std::size_t index) {
         bool const first = !seen[index];
         seen[index] = true;
         return first || in.wrong("given twice");
      };
      bool const complete = in.object([&](std::string_view key) {
         if (key == "timestamp") return once(created + 1) && read_emitted(in, emitted);
         if (key == "created_at") return once(created) && read_created(in, out);
         for (std::size_t i = 0; i < columns.size(); ++i)
            if (columns[i].read != nullptr && columns[i].name == key) return once(i) && columns[i].read(in, out);
         return in.skip();
      });
      if (!complete) return false;
      if (!seen[1]) return in.missing("event_id");
      if (emitted) {
         out.created_at = emitted;
         out.fault.clear();
      }
      return true;
   }

   static void schema(std::string& out) {
      out += R"({"type":"object","required":["event_id"],"properties":{"timestamp":{"type":["string","null"]})";
      for (auto const& c : detail::projected::columns) {
         if (c.read == nullptr && c.name != "created_at") continue;
         out.append(",\"").append(c.name).append("\":");
         if (!c.strict || c.type == "jsonb")
            out += "{}";
         else if (c.name == "event_id")
            out += R"({"type":"integer","format":"int64"})";
         else if (c.type == "bigint")
            out += R"({"type":["integer","null"],"format":"int64"})";
         else
            out += c.type == "text" ? R"({"type":["string","null"]})" : R"({"type":["number","null"]})";
      }
      out += "}}";
   }
   static void write(std::string& out, projected_event const&) { out += "{}"; }

private:
   static bool read_emitted(json_reader& in, std::optional<timestamp>& out) {
      std::string text;
      if (in.null()) return true;
      if (!in.string(text)) return false;
      if (detail::projected::is_blank(text)) return true;
      out = detail::projected::read_time(text);
      return out ||
             in.wrong("expected a time such as 2026-01-31T12:00:00Z, got \"" + json_reader::shortened(text) + "\"");
   }
   static bool read_created(json_reader& in, projected_event& out) {
      std::string text;
      if (in.null()) return true;
      if (!(in.at_string() ? in.string(text) : in.raw(text))) return false;
      if (detail::projected::is_blank(text)) return true;
      out.created_at = detail::projected::read_time(text);
      if (!out.created_at) out.fault = "created_at: expected a time such as 2026-01-31T12:00:00Z";
      return true;
   }
};

} // namespace noetl

// reflect: JSON of an event envelope through reflection, against the same done by hand with taoJSON.
//
// read:  a POST /api/events body into a struct.   By hand: parse to a tao::json::value, take each member with at/as.
// write: an event row to text.                    By hand: build a tao::json::value, to_string.
// The hand-written side keeps free-form members as trees (moved when read, referred to when written), which is the
// kindest way for it: its caller would still have to turn them into text for the database. Both sides run alternately
// in one process; the figures are medians over the pairs, with (min..max) of the ratio.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tao/json/events/discard.hpp>
#include <tao/json/events/from_string.hpp>
#include <tao/json/from_string.hpp>
#include <tao/json/to_string.hpp>
#include <tao/json/value.hpp>

#include <noetl/reflect/json.hpp>

#include "rates.hpp"

namespace {

using noetl::raw_json;
using noetl::bench::median;
using noetl::bench::rate;
using tao::json::value;

struct event_request {
   noetl::id_any<noetl::execution_id> execution_id;
   std::string step;
   std::string event_type;
   raw_json payload;
   std::optional<raw_json> meta;
   std::optional<std::string> worker_id;
   std::string result_kind = "data";
   std::optional<std::string> result_uri;
   bool actionable = true;
   bool informative = true;
   std::optional<noetl::id_any<noetl::event_id>> event_id;
   std::optional<std::string> status;
   std::optional<noetl::timestamp> created_at;

   using json_rules = noetl::rules<noetl::alias<"event_type", "name">, noetl::alias<"payload", "context">,
                                   noetl::defaulted<"payload", "result_kind", "actionable", "informative">>;
};

struct event_row {
   noetl::execution_id execution_id;
   noetl::event_id event_id;
   noetl::catalog_id catalog_id;
   std::optional<noetl::event_id> parent_event_id;
   noetl::timestamp created_at;
   std::string event_type;
   std::optional<std::string> node_id;
   std::optional<std::string> node_name;
   std::string status;
   raw_json context;
   raw_json result;
   raw_json meta;
   std::optional<std::string> error;
   std::optional<std::string> worker_id;
   std::int64_t stream_version = 0;
};

// The hand-written side's structs: the same, with trees for the free-form members.
struct request_by_hand {
   std::int64_t execution_id = 0;
   std::string step, event_type;
   value payload, meta;
   std::optional<std::string> worker_id;
   std::string result_kind = "data";
   std::optional<std::string> result_uri;
   bool actionable = true, informative = true;
   std::optional<std::int64_t> event_id;
   std::optional<std::string> status;
   std::optional<noetl::timestamp> created_at;
};

struct row_by_hand {
   event_row plain;
   value context, result, meta;
};

std::int64_t id_by_hand(value const& v) {
   if (v.is_string_type()) return std::stoll(v.as<std::string>());
   return v.as<std::int64_t>();
}
std::optional<std::string> text_by_hand(value const& object, char const* key) {
   auto const* v = object.find(key);
   if (v == nullptr || v->is_null()) return std::nullopt;
   return v->as<std::string>();
}

request_by_hand read_by_hand(std::string const& text) {
   value v = tao::json::from_string(text);
   request_by_hand out;
   out.execution_id = id_by_hand(v.at("execution_id"));
   out.step = v.at("step").as<std::string>();
   auto const* type = v.find("event_type");
   out.event_type = (type != nullptr ? *type : v.at("name")).as<std::string>();
   if (auto* payload = v.find("payload"))
      out.payload = std::move(*payload);
   else if (auto* context = v.find("context"))
      out.payload = std::move(*context);
   if (auto* meta = v.find("meta")) out.meta = std::move(*meta);
   out.worker_id = text_by_hand(v, "worker_id");
   if (auto kind = text_by_hand(v, "result_kind")) out.result_kind = *std::move(kind);
   out.result_uri = text_by_hand(v, "result_uri");
   if (auto const* actionable = v.find("actionable")) out.actionable = actionable->as<bool>();
   if (auto const* informative = v.find("informative")) out.informative = informative->as<bool>();
   if (auto const* id = v.find("event_id")) out.event_id = id_by_hand(*id);
   out.status = text_by_hand(v, "status");
   if (auto const at = text_by_hand(v, "created_at")) out.created_at = noetl::from_rfc3339(*at).value();
   return out;
}

template <class T>
value optional_by_hand(std::optional<T> const& v) {
   if (!v) return tao::json::null;
   if constexpr (std::same_as<T, std::string>)
      return value(*v);
   else
      return value(v->value);
}

std::string write_by_hand(row_by_hand const& row) {
   event_row const& e = row.plain;
   value v = {{"execution_id", e.execution_id.value},
              {"event_id", e.event_id.value},
              {"catalog_id", e.catalog_id.value},
              {"parent_event_id", optional_by_hand(e.parent_event_id)},
              {"created_at", noetl::to_rfc3339(e.created_at)},
              {"event_type", e.event_type},
              {"node_id", optional_by_hand(e.node_id)},
              {"node_name", optional_by_hand(e.node_name)},
              {"status", e.status},
              {"context", &row.context},
              {"result", &row.result},
              {"meta", &row.meta},
              {"error", optional_by_hand(e.error)},
              {"worker_id", optional_by_hand(e.worker_id)},
              {"stream_version", e.stream_version}};
   return tao::json::to_string(v);
}

std::vector<std::string> bodies() {
   return {
       // claimed
       R"({"execution_id":"478775660589088776","step":"fetch_weather","event_type":"command.started","payload":{"command_id":"478775660589088776:fetch_weather:478775660589088790","attempt":1,"worker_id":"worker-cpu-01-7f9c"},"meta":{"actionable":false,"informative":true},"worker_id":"worker-cpu-01-7f9c","actionable":false,"event_id":478775660589088801})",
       // completed, with a result of some records
       R"({"execution_id": "478775660589088776", "step": "fetch_weather", "name": "command.completed", "event_id": "478775660589088802", "status": "COMPLETED", "created_at": "2026-01-31T12:00:00.123456Z", "context": {"command_id": "478775660589088776:fetch_weather:478775660589088790", "status": "success", "duration_ms": 482.25, "result": {"status": "ok", "data": {"url": "https://api.example.org/v1/forecast?latitude=59.91&longitude=10.75", "count": 4, "items": [{"city": "Oslo", "latitude": 59.91, "longitude": 10.75, "temperature": -3.5, "wind": 12, "text": "light snow, clearing in the afternoon"}, {"city": "Paris", "latitude": 48.85, "longitude": 2.35, "temperature": 6.25, "wind": 4, "text": "overcast"}, {"city": "São Paulo", "latitude": -23.55, "longitude": -46.63, "temperature": 27.0, "wind": 9, "text": "thunder \"possible\"\nlate"}, {"city": "Tokyo", "latitude": 35.68, "longitude": 139.69, "temperature": 9.125, "wind": 7, "text": "clear sky"}]}}}, "meta": {"handler": "http", "attempt": 1, "pool": "cpu-01", "trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, "worker_id": "worker-cpu-01-7f9c", "actionable": true, "informative": true})",
       // failed, with a traceback
       R"({"execution_id":478775660589088776,"step":"transform","event_type":"command.failed","status":"FAILED","payload":{"command_id":"478775660589088776:transform:478775660589088811","error":{"kind":"python","message":"KeyError: 'temperature'","traceback":"Traceback (most recent call last):\n  File \"<step>\", line 12, in main\n    total += item[\"temperature\"]\nKeyError: 'temperature'\n"},"retryable":false},"meta":{"handler":"python","attempt":3},"worker_id":"worker-cpu-02-1b2d","event_id":478775660589088899})",
   };
}

std::vector<row_by_hand> rows() {
   std::vector<row_by_hand> out;
   std::int64_t id = 478775660589088801;
   for (std::string const& body : bodies()) {
      auto const request = noetl::from_json<event_request>(body).value();
      row_by_hand row;
      row.plain = {.execution_id = request.execution_id.value,
                   .event_id = noetl::event_id{++id},
                   .catalog_id = noetl::catalog_id{957551321178177552},
                   .parent_event_id = noetl::event_id{id - 1},
                   .created_at = noetl::now(),
                   .event_type = request.event_type,
                   .node_id = request.step,
                   .node_name = request.step,
                   .status = request.status.value_or("RUNNING"),
                   .context = raw_json(R"({"workload":{"city":"Oslo","threshold":12.5}})"),
                   .result = request.payload,
                   .meta = request.meta.value_or(raw_json("{}")),
                   .error = std::nullopt,
                   .worker_id = request.worker_id,
                   .stream_version = id % 100};
      row.context = tao::json::from_string(row.plain.context.text);
      row.result = tao::json::from_string(row.plain.result.text);
      row.meta = tao::json::from_string(row.plain.meta.text);
      out.push_back(std::move(row));
   }
   return out;
}

std::size_t consumed = 0; // what the compiler must not drop

// MB/s of `work`, which returns the bytes of JSON it handled.
template <class F>
double megabytes(F const& work, double seconds = 0.25) {
   return rate(work, seconds) / 1e6;
}

template <class Ours, class Limit>
std::string compare(char const* name, Ours const& ours, Limit const& limit) {
   std::vector<double> our_rates, limit_rates, ratios;
   megabytes(ours, 0.05), megabytes(limit, 0.05);
   for (int pair = 0; pair < 9; ++pair) {
      our_rates.push_back(megabytes(ours));
      limit_rates.push_back(megabytes(limit));
      ratios.push_back(our_rates.back() / limit_rates.back());
   }
   auto const [low, high] = std::minmax_element(ratios.begin(), ratios.end());
   std::printf("%s: ratio %.2f (%.2f..%.2f)\n", name, median(ratios), *low, *high);
   std::array<char, 200> line;
   std::snprintf(line.data(), line.size(), "%s ratio=%.2f ours=%.0f limit=%.0f unit=MB/s", name, median(ratios),
                 median(our_rates), median(limit_rates));
   return line.data();
}

} // namespace

int main() {
   auto const texts = bodies();
   auto const events = rows();

   auto const read_ours = [&] {
      std::size_t bytes = 0;
      for (std::string const& text : texts) {
         auto const request = noetl::from_json<event_request>(text);
         if (!request) std::abort();
         consumed += request->payload.text.size() + request->step.size();
         bytes += text.size();
      }
      return bytes;
   };
   auto const read_hand = [&] {
      std::size_t bytes = 0;
      for (std::string const& text : texts) {
         auto const request = read_by_hand(text);
         consumed += request.payload.get_object().size() + request.step.size();
         bytes += text.size();
      }
      return bytes;
   };
   auto const read_events = [&] {
      std::size_t bytes = 0;
      for (std::string const& text : texts) {
         tao::json::events::discard nothing;
         tao::json::events::from_string(nothing, text);
         bytes += text.size();
      }
      return bytes;
   };
   auto const write_ours = [&] {
      std::size_t bytes = 0;
      for (auto const& row : events) bytes += noetl::to_json(row.plain).size();
      consumed += bytes;
      return bytes;
   };
   auto const write_hand = [&] {
      std::size_t bytes = 0;
      for (auto const& row : events) bytes += write_by_hand(row).size();
      consumed += bytes;
      return bytes;
   };

   // Both sides must say the same before their speed means anything.
   for (auto const& row : events)
      if (tao::json::from_string(noetl::to_json(row.plain)) != tao::json::from_string(write_by_hand(row))) {
         std::puts("the two writers disagree");
         return 1;
      }
   for (std::string const& text : texts) {
      auto const a = noetl::from_json<event_request>(text).value();
      auto const b = read_by_hand(text);
      bool const same = a.execution_id.value.value == b.execution_id && a.step == b.step &&
                        a.event_type == b.event_type && a.created_at == b.created_at && a.status == b.status &&
                        a.worker_id == b.worker_id && tao::json::from_string(a.payload.text) == b.payload;
      if (!same) {
         std::puts("the two readers disagree");
         return 1;
      }
   }

   std::printf("3 bodies of %zu bytes, 3 rows of %zu bytes; 9 pairs of 0.25 s each\n", read_ours(), write_ours());
   // The rejected way of reading: taoJSON's events. Its parser alone, with a consumer that does nothing, is its upper
   // limit.
   std::printf("taoJSON events, all discarded: %.0f MB/s\n", megabytes(read_events, 1.0));
   std::string const read = compare("reflect-read", read_ours, read_hand);
   std::string const write = compare("reflect-write", write_ours, write_hand);
   std::printf("%s\n%s\n", read.c_str(), write.c_str());
   return consumed == 0 ? 1 : 0;
}

// results.cpp: large results go by reference and come back from there (spec worker-protocol.md 6 and 9).
#include <boost/asio/use_awaitable.hpp>

#include "worker.hpp"

namespace stub {

namespace asio = boost::asio;

namespace {

/// A copy for people who read the state: same nesting, lists cut to their first element, long texts replaced by their
/// length.
json summary(json const& value) {
   if (value.is_string_type()) {
      auto const text = value.as<std::string>();
      return text.size() <= 100 ? json(text) : json(static_cast<std::int64_t>(text.size()));
   }
   if (value.is_array()) {
      json out = tao::json::empty_array;
      if (!value.get_array().empty()) out.get_array().push_back(summary(value.get_array().front()));
      return out;
   }
   if (value.is_object()) {
      json out = tao::json::empty_object;
      for (auto const& [key, item] : value.get_object()) out[key] = summary(item);
      return out;
   }
   return value;
}

/// The reference that a stored value carries, empty when it carries none.
std::string reference_of(json const& envelope) {
   auto const nested = text(at(at(at(at(envelope, "context"), "result"), "reference"), "ref"));
   return nested.empty() ? text(at(at(envelope, "reference"), "ref")) : nested;
}

} // namespace

/// `result` of call.done: inline, or by reference when large; without either when storing it failed (section 9).
asio::awaitable<json> worker::envelope(command const& c, tool_result const& done) {
   auto const text = tao::json::to_string(done.context);
   json out = {{"status", done.status}};
   if (text.size() <= options_.inline_result_bytes) {
      out["context"] = done.context;
      co_return out;
   }

   reply stored;
   if (!faults_.hit("put-fail", c.step)) {
      auto const step = tao::json::to_string(json(c.step));
      auto body = "{\"name\":" + step + ",\"data\":" + text + ",\"scope\":\"execution\",\"source_step\":" + step + "}";
      stored = co_await api_.call(c.server, "PUT", "/api/result/" + std::to_string(c.execution_id), std::move(body));
   }
   if (!stored.ok()) {
      note("result.not_stored", std::to_string(stored.status) + " " + storable(stored.body.substr(0, 200)));
      co_return out;
   }
   try {
      auto const place = tao::json::from_string(stored.body);
      json meta = {{"bytes", static_cast<std::int64_t>(text.size())},
                   {"media_type", "application/json"},
                   {"content_type", "application/json"}};
      if (auto const* sum = place.find("sha256")) meta["sha256"] = *sum;
      auto extracted = summary(done.context);
      if (tao::json::to_string(extracted).size() > 4096) extracted = tao::json::empty_object;
      json reference = {
          {"kind", "result_ref"},
          {"ref", place.at("ref")},
          {"store", place.at("store")},
          {"scope", place.at("scope")},
          {"meta", std::move(meta)},
          {"extracted", std::move(extracted)},
          {"uri", "noetl://default/default/results/" + std::to_string(c.execution_id) + "/" + c.step + "/0/0/1"}};
      if (auto const* until = place.find("expires_at"); until && until->is_string_type())
         reference["expires_at"] = *until;
      out["context"] = {{"data", {{"_ref", place.at("ref")}}}};
      out["reference"] = std::move(reference);
   } catch (std::exception const& e) {
      note("result.answer_undecodable", e.what());
      violation_ = true;
   }
   co_return out;
}

/// Results of earlier steps that came as references are fetched, so that templates see their data. One that cannot be
/// had stays as it is.
asio::awaitable<void> worker::resolve_references(command& c) {
   auto* steps = c.input.variables.is_object() ? c.input.variables.find("steps") : nullptr;
   if (steps == nullptr || !steps->is_object()) co_return;
   for (auto& [name, envelope] : steps->get_object()) {
      auto const ref = reference_of(envelope);
      if (ref.empty()) continue;
      auto const document = co_await tools_.resolve(c.server, ref);
      if (!document.is_object()) {
         note("reference.unresolved", ref);
         continue;
      }
      if (at(at(envelope, "context"), "result").is_object())
         envelope["context"]["result"]["context"] = document;
      else
         envelope["context"] = document;
      auto data = at(document, "data");
      if (data.is_object() && !data.find("data")) data["data"] = at(document, "data");
      c.input.variables[name] = std::move(data);
   }
}

} // namespace stub

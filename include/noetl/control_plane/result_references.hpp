// control_plane/result_references.hpp: events whose result is only named get the result itself before they are folded
// (orchestration.md section 3.9). Knows the result store and JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <tao/json/value.hpp>

#include <noetl/control_plane/result_store.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/reflect/json_value.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

/// A result envelope with a reference in it, taken apart. Pure.
///
/// The reference is looked for at the top and in `context.result`. With `keep_summaries` a reference that brings a
/// summary (`extracted`) stays, and the summary is the data: state stays small, templates see `_ref`. Summaries with
/// rows are no data, for lists in them are cut and a cursor lives of its rows.
class referring_result {
public:
   /// \return nothing when `envelope` names no result that we could have
   static std::optional<referring_result> read(std::string_view envelope) {
      if (envelope.find("noetl://execution/") == envelope.npos) return std::nullopt;
      auto parsed = from_json<tao::json::value>(envelope, 256);
      if (!parsed) return std::nullopt;
      referring_result out(*std::move(parsed));
      auto const* place = out.place();
      if (place == nullptr) return std::nullopt;
      auto uri = parse_result_uri(place->at("reference").at("ref").as<std::string_view>());
      if (!uri) return std::nullopt;
      out.uri_ = *std::move(uri);
      return out;
   }

   [[nodiscard]] result_uri const& uri() const noexcept { return uri_; }

   /// The envelope with the summary as data; nothing when there is no summary that could stand for the data.
   [[nodiscard]] std::optional<std::string> summarised() {
      auto& at = *place();
      auto const& reference = at.at("reference");
      auto const* extracted = reference.find("extracted");
      if (extracted == nullptr || !extracted->is_object() || has_rows(*extracted)) return std::nullopt;
      tao::json::value data = *extracted;
      data.get_object().try_emplace("_ref", reference.at("ref"));
      tao::json::value context = tao::json::empty_object;
      context.get_object().emplace("data", std::move(data));
      at.get_object().insert_or_assign("context", std::move(context));
      return to_json(envelope_);
   }

   /// The envelope with the stored result as context, and without the reference. The result's text is not parsed.
   [[nodiscard]] std::string resolved(std::string_view payload) {
      constexpr std::string_view mark = "\x01noetl result\x01";
      auto& at = place()->get_object();
      at.erase("reference");
      at.insert_or_assign("context", std::string(mark));
      auto text = to_json(envelope_);
      auto const quoted = to_json(std::string(mark));
      if (auto const where = text.find(quoted); where != text.npos) text.replace(where, quoted.size(), payload);
      return text;
   }

private:
   explicit referring_result(tao::json::value envelope) : envelope_(std::move(envelope)) {}

   static bool refers(tao::json::value const* at) {
      if (at == nullptr || !at->is_object()) return false;
      auto const* reference = at->find("reference");
      auto const* ref = reference != nullptr && reference->is_object() ? reference->find("ref") : nullptr;
      return ref != nullptr && ref->is_string_type();
   }
   tao::json::value* place() {
      if (!envelope_.is_object()) return nullptr;
      auto* context = envelope_.find("context");
      auto* nested = context != nullptr && context->is_object() ? context->find("result") : nullptr;
      if (refers(nested)) return nested;
      return refers(&envelope_) ? &envelope_ : nullptr;
   }
   static bool has_rows(tao::json::value const& of, int depth = 3) {
      for (auto const& [name, value] : of.get_object()) {
         if (name == "rows" && value.is_array()) return true;
         if (depth > 0 && value.is_object() && has_rows(value, depth - 1)) return true;
      }
      return false;
   }

   tao::json::value envelope_;
   result_uri uri_{};
};

/// Puts stored results into events before they are folded. Thread-safe.
class result_references {
public:
   explicit result_references(result_store& results, bool keep_summaries)
       : results_(results), summaries_(keep_summaries) {}

   /// A result that is not there leaves its event as it is: the log says that it was too large and where it was.
   /// Errors: unavailable (then nothing may be folded yet).
   awaitable<result<void>> resolve(std::vector<event>& events) {
      for (auto& one : events) {
         auto referring = referring_result::read(one.result.text);
         if (!referring) continue;
         if (summaries_)
            if (auto summary = referring->summarised()) {
               one.result.text = *std::move(summary);
               continue;
            }
         auto uri = referring->uri();
         auto found = co_await results_.find(std::move(uri));
         if (found) {
            one.result.text = referring->resolved(*found);
         } else if (found.error().code == error_code::not_found) {
            log::warn("result.not_found", {{"execution_id", one.execution_id}, {"event_id", one.event_id.value}});
         } else {
            co_return std::move(found).error();
         }
      }
      co_return result<void>{};
   }

private:
   result_store& results_;
   bool const summaries_;
};

} // namespace noetl::control_plane

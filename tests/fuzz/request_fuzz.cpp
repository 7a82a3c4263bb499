// Paths and query strings of requests: nothing escapes, captures lie inside the path, decoding gives UTF-8.
// The first line of the input is the path, the second the query.
#include <noetl/core/json_text.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/http/percent.hpp>
#include <noetl/http/query.hpp>
#include <noetl/http/route.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fuzz/demand.hpp"

namespace {

using namespace noetl;
using item_id = strong<"item_id">;

struct filter {
   std::optional<std::string> name;
   std::optional<std::int32_t> limit;
   std::optional<bool> all;
   std::optional<item_id> after;
   std::optional<timestamp> since;
};

result<void> show(item_id) {
   return {};
}
result<void> show_part(item_id, http::path_text<"part">) {
   return {};
}
result<void> find(http::query<filter>) {
   return {};
}
result<void> file(http::path_text<"rest">) {
   return {};
}

constexpr auto table = http::routes<http::services<>>(http::under<"/api/items">(
    http::get<"", find>, http::get<"/{item_id}", show>, http::post<"/{item_id}/parts/{part}", show_part>,
    http::put<"/files/{rest...}", file>, http::del<"/{item_id}", show>));

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
   using noetl::test::demand;
   std::string_view const text(reinterpret_cast<char const*>(data), size);
   auto const cut = text.find('\n');
   auto const path = text.substr(0, cut);
   auto const query = cut == text.npos ? std::string_view() : text.substr(cut + 1);

   for (auto const method : {http::verb::get, http::verb::post, http::verb::put, http::verb::del, http::verb::head}) {
      auto const match = table.find(method, path);
      if (!match) continue;
      demand(match.allowed.contains(match.route->method), "a route that is found is allowed");
      for (auto const& found : match.found) {
         if (found.empty()) continue;
         demand(found.data() >= path.data() && found.data() + found.size() <= path.data() + path.size(),
                "a capture lies inside the path");
      }
   }
   if (auto const decoded = http::decode_path(path)) {
      char const* at = decoded->data();
      char const* const end = at + decoded->size();
      while (at < end) {
         auto const step = static_cast<unsigned char>(*at) < 0x80 ? std::size_t{1} : utf8_length(at, end);
         demand(step > 0, "a decoded path is UTF-8");
         at += step;
      }
   }
   auto const read = http::read_query<filter>(query);
   demand(read || !read.error().message.empty(), "a refusal says why");
   return 0;
}

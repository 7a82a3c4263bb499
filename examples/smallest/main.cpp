#include <map>
#include <string>

#include <boost/asio/io_context.hpp>
#include <noetl/http/server.hpp>

using namespace noetl;
using shelf_id = strong<"shelf_id">;

struct shelf {
   ::shelf_id shelf_id;
   std::string label;
};
using shelves = std::map<shelf_id, shelf>;

result<shelf> show_shelf(shelves& all, shelf_id id) {
   auto const found = all.find(id);
   if (found == all.end()) return fail(error_code::not_found, "Shelf not found: " + std::to_string(id.value));
   return found->second;
}

result<shelf> put_shelf(shelves& all, shelf_id id, http::body<shelf> wish) {
   wish->shelf_id = id;
   return all[id] = *wish;
}

inline constexpr auto api = http::routes<http::services<shelves>>(
    http::under<"/api/shelves">(http::get<"/{shelf_id}", show_shelf>, http::put<"/{shelf_id}", put_shelf>));

int main() {
   boost::asio::io_context io{1};
   shelves all;
   http::http_server server(io, api, http::services(all), {.port = 8083});
   if (auto started = server.start(); !started) return 1;
   io.run();
}

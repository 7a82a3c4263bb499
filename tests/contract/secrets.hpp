// tests/contract/secrets.hpp: a server with an encryption key and without a token: its secrets are for this machine.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "contract/hand.hpp"

namespace noetl::test {

inline constexpr char const* master_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";      // bytes 00 to 1f
inline constexpr char const* next_master_key = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="; // bytes 20 to 3f

inline std::unique_ptr<site>& secret_site_holder() {
   static std::unique_ptr<site> one;
   return one;
}

/// Base of the suites about secrets. The server is shared by them and ends before main() does.
class secret_contract : public contract {
protected:
   void SetUp() override {
      contract::SetUp();
      if (IsSkipped()) return;
      struct put_away : testing::Environment {
         void TearDown() override { secret_site_holder().reset(); }
      };
      static auto* const registered = testing::AddGlobalTestEnvironment(new put_away);
      static_cast<void>(registered);
      if (!secret_site_holder())
         secret_site_holder() = std::make_unique<site>(variables{
             {"NOETL_ENCRYPTION_KEY", master_key}, {"NOETL_LOG_LEVEL", "debug"}, {"NOETL_SERVER_REGION", "eu-1"}});
   }
   static site& at() { return *secret_site_holder(); }

   static reply del(std::string target) { return at().send({.method = "DELETE", .target = std::move(target)}); }
   static reply store(std::string const& name, std::string const& data, std::string const& more = {}) {
      return at().post("/api/credentials", R"({"name":")" + name + R"(","type":"generic","data":)" + data + more + "}");
   }
   static reply read(std::string const& name, std::string const& more = {}) {
      return at().get("/api/credentials/" + name + "?include_data=true" + more);
   }
   static std::string stored(std::string const& name) {
      return at().cell("select data_encrypted from noetl.credential where name = '" + name + "'");
   }
   /// Newest record of an operation on a credential: `outcome/worker/execution`.
   static std::string audited(std::string const& name, std::string const& operation) {
      auto const got = at().get("/api/internal/secret-audit?credential=" + name);
      for (auto const& one : got.at("rows").get_array())
         if (one.at("operation").get_string() == operation)
            return one.at("outcome").get_string() + "/" +
                   (one.at("worker_id").is_null() ? "-" : one.at("worker_id").get_string()) + "/" +
                   number(one.at("execution_id"));
      return "none";
   }
};

} // namespace noetl::test

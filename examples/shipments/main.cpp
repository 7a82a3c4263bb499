// examples/shipments/main.cpp: two aggregates, served. Events are kept in PostgreSQL and carried on by JetStream; with
// --memory the program needs neither. --help lists the variables that configure it.
#include <noetl/app/run_server.hpp>

#include "shipments.hpp"

// snippet: main
int main(int argc, char** argv) {
   return noetl::app::run_server("shipments", {.port = 8084}, argc, argv, [](noetl::app::aggregate_server& server) {
      server.serve<shop::depot, "/api/depots">();
      server.serve<shop::shipment, "/api/shipments">();
   });
}
// end snippet

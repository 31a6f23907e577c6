// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Which handler answers which path.
#include <string.h>

#include "daemon/sim/sim_internal.h"

static const struct sim_route routes[] = {
    {HTTP_GET, "/v2/account", SIM_AREA_TRADING, sim_account_get},
    {HTTP_GET, "/v2/account/configurations", SIM_AREA_TRADING, sim_configurations_get},
    {HTTP_PATCH, "/v2/account/configurations", SIM_AREA_TRADING, sim_configurations_patch},
    {HTTP_GET, "/v2/account/activities", SIM_AREA_TRADING, sim_activities},
    {HTTP_GET, "/v2/account/activities/*", SIM_AREA_TRADING, sim_activities_of_type},
    {HTTP_GET, "/v2/positions", SIM_AREA_TRADING, sim_positions_list},
    {HTTP_GET, "/v2/positions/*", SIM_AREA_TRADING, sim_positions_get},
    {HTTP_DELETE, "/v2/positions", SIM_AREA_TRADING, sim_positions_close_all},
    {HTTP_DELETE, "/v2/positions/*", SIM_AREA_TRADING, sim_positions_close},
    {HTTP_POST, "/v2/orders", SIM_AREA_TRADING, sim_orders_post},
    {HTTP_GET, "/v2/orders", SIM_AREA_TRADING, sim_orders_list},
    {HTTP_DELETE, "/v2/orders", SIM_AREA_TRADING, sim_orders_delete_all},
    {HTTP_GET, "/v2/orders:by_client_order_id", SIM_AREA_TRADING, sim_orders_by_client_id},
    {HTTP_GET, "/v2/orders/*", SIM_AREA_TRADING, sim_orders_get},
    {HTTP_PATCH, "/v2/orders/*", SIM_AREA_TRADING, sim_orders_patch},
    {HTTP_DELETE, "/v2/orders/*", SIM_AREA_TRADING, sim_orders_delete},
    {HTTP_GET, "/v2/watchlists", SIM_AREA_TRADING, sim_watchlists_list},
    {HTTP_POST, "/v2/watchlists", SIM_AREA_TRADING, sim_watchlists_create},
    {HTTP_GET, "/v2/watchlists/*", SIM_AREA_TRADING, sim_watchlists_get},
    {HTTP_PUT, "/v2/watchlists/*", SIM_AREA_TRADING, sim_watchlists_put},
    {HTTP_POST, "/v2/watchlists/*", SIM_AREA_TRADING, sim_watchlists_add},
    {HTTP_DELETE, "/v2/watchlists/*", SIM_AREA_TRADING, sim_watchlists_delete},
    {HTTP_DELETE, "/v2/watchlists/*/*", SIM_AREA_TRADING, sim_watchlists_remove},
    {HTTP_GET, "/v2/watchlists:by_name", SIM_AREA_TRADING, sim_watchlists_get},
    {HTTP_PUT, "/v2/watchlists:by_name", SIM_AREA_TRADING, sim_watchlists_put},
    {HTTP_POST, "/v2/watchlists:by_name", SIM_AREA_TRADING, sim_watchlists_add},
    {HTTP_DELETE, "/v2/watchlists:by_name", SIM_AREA_TRADING, sim_watchlists_delete},
    {HTTP_GET, "/v2/clock", SIM_AREA_TRADING, sim_clock},
    {HTTP_GET, "/v2/calendar", SIM_AREA_TRADING, sim_calendar},
    {HTTP_GET, "/v3/clock", SIM_AREA_TRADING, sim_clock_of_markets},
    {HTTP_GET, "/v3/calendar/*", SIM_AREA_TRADING, sim_calendar_of_market},
    {HTTP_GET, "/v2/corporate_actions/announcements", SIM_AREA_TRADING, sim_announcements},
    {HTTP_GET, "/v2/corporate_actions/announcements/*", SIM_AREA_TRADING, sim_announcement},
    {HTTP_GET, "/v1/corporate-actions", SIM_AREA_DATA, sim_data_actions},
    {HTTP_GET, "/v2/account/portfolio/history", SIM_AREA_TRADING, sim_portfolio_history},
    {HTTP_GET, "/v2/assets", SIM_AREA_TRADING, sim_assets_list},
    {HTTP_GET, "/v2/assets/*", SIM_AREA_TRADING, sim_assets_get},
    {HTTP_GET, "/v2/stocks/snapshots", SIM_AREA_DATA, sim_data_snapshots},
    {HTTP_GET, "/v2/stocks/*/snapshot", SIM_AREA_DATA, sim_data_snapshots},
    {HTTP_GET, "/v2/stocks/meta/exchanges", SIM_AREA_DATA, sim_data_exchanges},
    {HTTP_GET, "/v2/stocks/meta/conditions/*", SIM_AREA_DATA, sim_data_conditions},
    {HTTP_GET, "/v2/stocks/trades/latest", SIM_AREA_DATA, sim_data_latest_trades},
    {HTTP_GET, "/v2/stocks/*/trades/latest", SIM_AREA_DATA, sim_data_latest_trades},
    {HTTP_GET, "/v2/stocks/quotes/latest", SIM_AREA_DATA, sim_data_latest_quotes},
    {HTTP_GET, "/v2/stocks/*/quotes/latest", SIM_AREA_DATA, sim_data_latest_quotes},
    {HTTP_GET, "/v2/stocks/bars/latest", SIM_AREA_DATA, sim_data_latest_bars},
    {HTTP_GET, "/v2/stocks/*/bars/latest", SIM_AREA_DATA, sim_data_latest_bars},
    {HTTP_GET, "/v2/stocks/trades", SIM_AREA_DATA, sim_data_trades},
    {HTTP_GET, "/v2/stocks/*/trades", SIM_AREA_DATA, sim_data_trades},
    {HTTP_GET, "/v2/stocks/quotes", SIM_AREA_DATA, sim_data_quotes},
    {HTTP_GET, "/v2/stocks/*/quotes", SIM_AREA_DATA, sim_data_quotes},
    {HTTP_GET, "/v2/stocks/bars", SIM_AREA_DATA, sim_data_bars},
    {HTTP_GET, "/v2/stocks/*/bars", SIM_AREA_DATA, sim_data_bars},
    {HTTP_GET, "/sim/state", SIM_AREA_ADMIN, sim_admin_state},
    {HTTP_GET, "/sim/updates", SIM_AREA_ADMIN, sim_admin_updates},
    {HTTP_GET, "/sim/fault", SIM_AREA_ADMIN, sim_admin_faults},
    {HTTP_DELETE, "/sim/fault", SIM_AREA_ADMIN, sim_admin_faults_clear},
    {HTTP_POST, "/sim/fault", SIM_AREA_ADMIN, sim_admin_fault},
    {HTTP_GET, "/sim/fills", SIM_AREA_ADMIN, sim_admin_fills},
    {HTTP_POST, "/sim/fills", SIM_AREA_ADMIN, sim_admin_fills_late},
    {HTTP_POST, "/sim/bust", SIM_AREA_ADMIN, sim_admin_bust},
    {HTTP_POST, "/sim/cash", SIM_AREA_ADMIN, sim_admin_cash},
    {HTTP_POST, "/sim/symbol", SIM_AREA_ADMIN, sim_admin_symbol},
    {HTTP_GET, "/sim/keys", SIM_AREA_ADMIN, sim_admin_keys},
    {HTTP_POST, "/sim/keys", SIM_AREA_ADMIN, sim_admin_keys_change},
    {HTTP_POST, "/sim/price", SIM_AREA_ADMIN, sim_admin_price},
};

// A * stands for one segment, at most two of them.
static bool path_matches(const char *pattern, const char *path, char part[2][SIM_TEXT_MAX])
{
    for (int i = 0;; i++) {
        size_t fixed = strcspn(pattern, "*");
        if (pattern[fixed] == '\0')
            return strcmp(pattern, path) == 0;
        if (i == 2 || strncmp(pattern, path, fixed) != 0)
            return false;
        size_t len = strcspn(path += fixed, "/");
        if (len == 0 || len >= SIM_TEXT_MAX)
            return false;
        memcpy(part[i], path, len);
        part[i][len] = '\0';
        pattern += fixed + 1;
        path += len;
    }
}

const struct sim_route *sim_route_find(struct sim_call *c, const char *path, enum http_method method, bool *known)
{
    char part[2][SIM_TEXT_MAX];
    *known = false;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        part[0][0] = part[1][0] = '\0';
        if (!path_matches(routes[i].path, path, part))
            continue;
        *known = true;
        if (routes[i].method != method)
            continue;
        str_copy_cut(c->part, sizeof c->part, part[0]);
        str_copy_cut(c->part2, sizeof c->part2, part[1]);
        return &routes[i];
    }
    return NULL;
}

/** The OpenAPI 3.1 document of this server, from the declarations it validates with. */
import { openApi } from '@billcoin/sdk';

/** Version of the HTTP contract, not of the program. */
const API_VERSION = '1.0.0';

/** What `/api/v1/openapi.json` answers and docs/openapi.json holds. The server URL is relative: the same host. */
export function makeOpenApi(): object {
  return openApi({ version: API_VERSION, serverUrl: '/' });
}

/**
 * The launcher's file, `naru` itself: what starts this program again, in the background or from a service's unit. It finds the runtime and the
 * bundle that are current then, where the script that runs now may be gone.
 */
import { fileURLToPath } from 'node:url';

export const launcherFile = fileURLToPath(new URL('../../naru', import.meta.url));

/** The network's rules over simulated wires. */
import { networkCompliance } from './compliance.ts';
import { simulatedWorld } from './simulatedWorld.ts';

networkCompliance('the simulated network', simulatedWorld);

/** The signals by which a process is asked to end. A closed terminal (SIGHUP) is no reason to lose what has been computed. */
export const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

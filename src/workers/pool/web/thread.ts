/**
 * The entry of a Web Worker. The build puts everything it imports into this file: a worker heeds no import map, and what
 * serves modules one by one need not know how to serve those of packages.
 */

import '../thread.js'

import { localCommand } from "./command/local";
import { copyToRemote } from "./command/copy-to-remote";
import { remoteCommand } from "./command/remote";
import { serve } from "./runtime";

serve({
  name: "command",
  version: "1.2.1",
  types: {
    "command:local:Command": localCommand,
    "command:remote:Command": remoteCommand,
    "command:remote:CopyToRemote": copyToRemote,
  },
});

import { randomBytesResource, randomId, randomInteger, randomPassword, randomString } from "./random/resources";
import { serve } from "./runtime";

serve({
  name: "random",
  version: "4.21.2",
  types: {
    "random:index/randomBytes:RandomBytes": randomBytesResource,
    "random:index/randomId:RandomId": randomId,
    "random:index/randomInteger:RandomInteger": randomInteger,
    "random:index/randomPassword:RandomPassword": randomPassword,
    "random:index/randomString:RandomString": randomString,
  },
});

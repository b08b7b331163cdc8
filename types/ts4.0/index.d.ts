/**
 * What TypeScript before 4.1 reads in place of index.d.ts, which it imports. There, `export { LayerAPI as default }`
 * hides the class from default imports with `esModuleInterop`; here, `default` is a static property. Without
 * `esModuleInterop`, a default import is a value only for these versions: use `import LayerAPI = require('layer-api')`.
 *
 * A test checks that no name is left out.
 */
import Current = require('../../index');

declare class LayerAPI<V extends string = string> extends Current<V> {
  static default: typeof LayerAPI;
}

declare namespace LayerAPI {
  export { LayerAPI };
  export import Announcement = Current.Announcement;
  export import Announcements = Current.Announcements;
  export import APIError = Current.APIError;
  export import App = Current.App;
  export import AppInfo = Current.AppInfo;
  export import AppSettings = Current.AppSettings;
  export import Badge = Current.Badge;
  export import BasicIdentity = Current.BasicIdentity;
  export import BlockedUser = Current.BlockedUser;
  export import Blocklist = Current.Blocklist;
  export import Callback = Current.Callback;
  export import Config = Current.Config;
  export import Content = Current.Content;
  export import ContentSource = Current.ContentSource;
  export import Conversation = Current.Conversation;
  export import ConversationDeletion = Current.ConversationDeletion;
  export import ConversationListOptions = Current.ConversationListOptions;
  export import ConversationListParams = Current.ConversationListParams;
  export import Conversations = Current.Conversations;
  export import Deletion = Current.Deletion;
  export import DeliveryAttempt = Current.DeliveryAttempt;
  export import DownloadOptions = Current.DownloadOptions;
  export import EmptyResponse = Current.EmptyResponse;
  export import ErrorBody = Current.ErrorBody;
  export import Export = Current.Export;
  export import ExportKey = Current.ExportKey;
  export import Exports = Current.Exports;
  export import ExportSchedule = Current.ExportSchedule;
  export import Fault = Current.Fault;
  export import FullIdentity = Current.FullIdentity;
  export import Headers = Current.Headers;
  export import Identities = Current.Identities;
  export import Identity = Current.Identity;
  export import IdentityKey = Current.IdentityKey;
  export import IdentityKeyOptions = Current.IdentityKeyOptions;
  export import IdentityProperties = Current.IdentityProperties;
  export import IdentityProvider = Current.IdentityProvider;
  export import identityToken = Current.identityToken;
  export import IdentityTokenOptions = Current.IdentityTokenOptions;
  export import InjectedFault = Current.InjectedFault;
  export import List = Current.List;
  export import ListOptions = Current.ListOptions;
  export import ListPage = Current.ListPage;
  export import ListParams = Current.ListParams;
  export import Message = Current.Message;
  export import MessagePart = Current.MessagePart;
  export import Messages = Current.Messages;
  export import Metadata = Current.Metadata;
  export import NamedIdentity = Current.NamedIdentity;
  export import NameOptions = Current.NameOptions;
  export import NewAnnouncement = Current.NewAnnouncement;
  export import NewContent = Current.NewContent;
  export import NewConversation = Current.NewConversation;
  export import NewExportSchedule = Current.NewExportSchedule;
  export import NewIdentityProvider = Current.NewIdentityProvider;
  export import NewMessage = Current.NewMessage;
  export import NewNotification = Current.NewNotification;
  export import NewPart = Current.NewPart;
  export import NewToken = Current.NewToken;
  export import NewUserMessage = Current.NewUserMessage;
  export import NewWebhook = Current.NewWebhook;
  export import Notification = Current.Notification;
  export import Notifications = Current.Notifications;
  export import Operation = Current.Operation;
  export import Part = Current.Part;
  export import Platform = Current.Platform;
  export import PlatformClock = Current.PlatformClock;
  export import PlatformConsole = Current.PlatformConsole;
  export import PlatformOptions = Current.PlatformOptions;
  export import Progress = Current.Progress;
  export import PushToken = Current.PushToken;
  export import ReceiptType = Current.ReceiptType;
  export import ReceivedAnnouncement = Current.ReceivedAnnouncement;
  export import RecipientStatus = Current.RecipientStatus;
  export import RecordedRequest = Current.RecordedRequest;
  export import RequestError = Current.RequestError;
  export import RequestOptions = Current.RequestOptions;
  export import Response = Current.Response;
  export import ResponseError = Current.ResponseError;
  export import RichContent = Current.RichContent;
  export import RotationOptions = Current.RotationOptions;
  export import Schedule = Current.Schedule;
  export import ScheduledMessage = Current.ScheduledMessage;
  export import Sender = Current.Sender;
  export import ShownBlock = Current.ShownBlock;
  export import ShownIdentity = Current.ShownIdentity;
  export import ShownPart = Current.ShownPart;
  export import ShownSender = Current.ShownSender;
  export import ShownUser = Current.ShownUser;
  export import TokenInfo = Current.TokenInfo;
  export import UploadedContent = Current.UploadedContent;
  export import UploadOptions = Current.UploadOptions;
  export import User = Current.User;
  export import Signal = Current.Signal;
  export import UserConversation = Current.UserConversation;
  export import UserMessage = Current.UserMessage;
  export import Users = Current.Users;
  export import Version = Current.Version;
  export import Webhook = Current.Webhook;
  export import WebhookOptions = Current.WebhookOptions;
  export import Webhooks = Current.Webhooks;
  export import webhooks = Current.webhooks;
}

export = LayerAPI;

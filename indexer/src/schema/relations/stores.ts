import { relations } from "ponder";
import { store, storeMember } from "../stores.ts";

export const storeRelations = relations(store, ({ many }) => ({ members: many(storeMember) }));

export const storeMemberRelations = relations(storeMember, ({ one }) => ({
  store: one(store, { fields: [storeMember.storeId], references: [store.id] }),
}));
